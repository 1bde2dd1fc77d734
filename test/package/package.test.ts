/*
 * The package as its users get it: packed, installed into an empty project without running scripts, then required,
 * imported, type-checked and built. Needs dist/ and prebuilds/ as `npm run prepare` leaves them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const target = `${process.platform}-${process.arch}`;
const hasPrebuild = existsSync(join(root, 'prebuilds', target, 'hakmem.node'));
const hasCmake = spawnSync('cmake', ['--version']).status === 0;
const hasCompiler = spawnSync('cc', ['--version']).status === 0;

const directory = mkdtempSync(join(tmpdir(), 'hakmem-package-'));
const project = join(directory, 'project');
const installed = join(project, 'node_modules', 'hakmem');

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    encoding: 'utf8',
  });
}

/** Runs a program of the project; HAKMEM_ variables are those given here only. */
function node(file: string, text: string, env: Record<string, string> = {}, cwd = project): string {
  writeFileSync(join(cwd, file), text);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HAKMEM_|VITEST|NODE_OPTIONS)/.test(name));
  return execFileSync(process.execPath, [file], {
    cwd,
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...env },
  }).trim();
}

/** Allocates, writes, frees, and prints which backend did it. */
const USE = `
  const buffer = hakmem.allocUnsafe(1000);
  buffer.fill(7);
  if (buffer.length !== 1000 || buffer[999] !== 7 || buffer.constructor !== Buffer) throw new Error('not a Buffer');
  hakmem.free(buffer);
  console.log(JSON.stringify(hakmem.backend));
`;

beforeAll(() => {
  mkdirSync(project);
  npm(root, 'pack', '--pack-destination', directory);
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', private: true }));
  npm(project, 'install', '--offline', join(directory, String(tarball)));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('holds what users need and nothing of the workshop', () => {
  for (const file of [
    'dist/index.js',
    'dist/index.mjs',
    'dist/index.d.ts',
    'dist/index.d.mts',
    'dist/io/index.js',
    'dist/io/index.mjs',
    'dist/io/index.d.ts',
    'dist/io/index.d.mts',
    'native/include/hakmem.h',
    'docs/threads.md',
  ]) {
    expect(existsSync(join(installed, file)), file).toBe(true);
  }
  for (const name of ['test', 'build', 'bench', 'node_modules', 'scripts']) {
    expect(existsSync(join(installed, name)), name).toBe(false);
  }
});

test('can be required', () => {
  expect(node('require.cjs', `const hakmem = require('hakmem'); ${USE}`)).toContain('"name"');
});

test('can be imported, by name and as a whole, and is the module that require gives', () => {
  const text = `
    import { createRequire } from 'node:module';
    import * as hakmem from 'hakmem';
    import { allocUnsafe } from 'hakmem';
    const required = createRequire(import.meta.url)('hakmem');
    if (required.allocUnsafe !== allocUnsafe) throw new Error('two modules');
    ${USE}`;
  expect(node('import.mjs', text)).toContain('"name"');
});

test('hakmem/io can be required and imported, is one module, and shares the default pool', () => {
  const text = `
    import { createRequire } from 'node:module';
    import { free, stats } from 'hakmem';
    import { createReadStream, fileChunks, onread, PooledReadable, readFile } from 'hakmem/io';
    const required = createRequire(import.meta.url)('hakmem/io');
    if (required.readFile !== readFile || required.PooledReadable !== PooledReadable) throw new Error('two modules');
    const buffer = await readFile('package.json');
    JSON.parse(buffer.toString());
    free(buffer);
    for await (const chunk of fileChunks('package.json')) if (chunk.length === 0) throw new Error('empty');
    if (typeof createReadStream !== 'function' || typeof onread !== 'function') throw new Error('missing');
    console.log(stats().blocks.live);`;
  expect(node('io.mjs', text)).toBe('0');
});

test('has types for both kinds of module', () => {
  const text = `
    import { allocUnsafe, backend, createFixedPool, createPool, free, stats } from 'hakmem';
    import { createReadStream, fileChunks, onread, readFile } from 'hakmem/io';
    import { connect } from 'node:net';
    const contents: Promise<Buffer> = readFile('x', { pool: createPool() });
    const chunks: AsyncIterable<Buffer> = fileChunks('x', { pool: createFixedPool({ size: 10 }), start: 1 });
    const reading = onread(createFixedPool({ size: 10 }), (bytesRead, buffer) => buffer.length > bytesRead);
    const socket = () => reading.attach(connect({ port: 1, onread: reading }));
    createReadStream('x').pipe(process.stdout);
    export { chunks, contents, socket };
    const buffer: Buffer = allocUnsafe(10);
    free(buffer);
    const pool = createPool({ maxBytes: 1024 });
    const name: 'native' | 'ts' = backend.name;
    const live: number = stats().bytes.live;
    export { live, name, pool };
    // @ts-expect-error a size is a number
    allocUnsafe('10');`;
  writeFileSync(join(project, 'types.cts'), text);
  writeFileSync(join(project, 'types.mts'), text);
  const options = [
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--lib',
    'es2022,esnext.disposable',
    '--strict',
    '--noEmit',
  ];
  const typeRoots = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node'];
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const result = spawnSync(process.execPath, [tsc, ...options, ...typeRoots, 'types.cts', 'types.mts'], {
    cwd: project,
    encoding: 'utf8',
  });
  expect(result.stdout + result.stderr).toBe('');
  expect(result.status).toBe(0);
});

test('has types where a compiler looks by typesVersions and not by exports, for every part', () => {
  const { exports, typesVersions } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const parts = Object.keys(exports).filter((name) => /^\.\/(?!package\.json)/.test(name));
  expect(Object.keys(typesVersions['*']).map((name) => `./${name}`)).toEqual(expect.arrayContaining(parts));
  for (const part of parts) {
    const [file] = typesVersions['*'][part.slice(2)];
    expect(file).toBe(exports[part].require.types);
    expect(existsSync(join(installed, file)), file).toBe(true);
  }
});

describe.each(['README.md', 'docs/files-and-sockets.md'])('the examples of %s', (page) => {
  const examples = [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n([\s\S]*?)^```/gm)].map(
    ([, text]) => text,
  );
  const hasUsing = Number.parseInt(process.versions.node, 10) >= 24;

  test.each(examples.map((text, at) => [at + 1, text] as const))('run when pasted: %i', (at, text) => {
    if (hasUsing || !/^ *using /m.test(text)) {
      node(`example-${at}.${/^import /m.test(text) ? 'mjs' : 'cjs'}`, text);
    }
  });
});

describe.runIf(hasPrebuild)('with its prebuild', () => {
  test('runs the native backend', () => {
    expect(JSON.parse(node('native.cjs', `const hakmem = require('hakmem'); ${USE}`))).toMatchObject({
      name: 'native',
    });
  });

  test('runs the ts backend where the prebuild is gone, and says so', () => {
    const bare = join(directory, 'bare');
    cpSync(project, bare, { recursive: true });
    rmSync(join(bare, 'node_modules', 'hakmem', 'prebuilds'), { recursive: true });
    const info = JSON.parse(node('bare.cjs', `const hakmem = require('hakmem'); ${USE}`, {}, bare));
    expect(info.name).toBe('ts');
    expect(info.reason).toMatch(/not built/);
    const forced = `
      try { require('hakmem').allocUnsafe(1); console.log('no error'); } catch (error) { console.log(error.code); }`;
    expect(node('forced.cjs', forced, { HAKMEM_BACKEND: 'native' }, bare)).toBe('ERR_HAKMEM_BACKEND');
  });

  test('runs the ts backend where the prebuild is for another machine, and says so', () => {
    const foreign = join(directory, 'foreign');
    cpSync(project, foreign, { recursive: true });
    writeFileSync(join(foreign, 'node_modules', 'hakmem', 'prebuilds', target, 'hakmem.node'), 'not a library');
    const info = JSON.parse(node('foreign.cjs', `const hakmem = require('hakmem'); ${USE}`, {}, foreign));
    expect(info.name).toBe('ts');
    expect(info.reason).toMatch(/does not load/);
    expect(info.reason.split('hakmem.node').length, 'the file is named once').toBe(2);
  });

  test('its preload library runs a program', () => {
    const library = join(installed, 'prebuilds', target, 'libhakmem-preload.so');
    expect(node('preloaded.cjs', "console.log('ran')", { LD_PRELOAD: library })).toBe('ran');
  });
});

test.runIf(hasCmake && hasCompiler)('is a CMake project', () => {
  const build = join(directory, 'cmake');
  const result = spawnSync('cmake', ['-S', installed, '-B', build], { encoding: 'utf8' });
  expect(result.status, result.stdout + result.stderr).toBe(0);
});
