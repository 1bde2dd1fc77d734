/** The package as its users load it: require and import, the exported names, and the environment that picks a backend. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { openBooks } from './support/books';

const books = openBooks(hakmem);

const ROOT = path.join(__dirname, '../..');
const NAMES = [
  'allocUnsafe',
  'alloc',
  'from',
  'concat',
  'realloc',
  'free',
  'usableSize',
  'lease',
  'createPool',
  'createFixedPool',
  'stats',
  'trim',
  'backend',
  'HakmemError',
];

/** Flags of Node under which no addon loads. */
const WITHOUT_ADDONS = [
  ['--no-addons'],
  ['--permission', '--allow-fs-read=*'],
  ['--experimental-permission', '--allow-fs-read=*'],
].filter(([flag]) => process.allowedNodeEnvironmentFlags.has(String(flag)));

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  esm?: boolean;
  env?: Record<string, string>;
  flags?: string[];
}

/** Runs a script in the package's root, where `hakmem` names the package itself. */
function node(script: string, { esm = false, env = {}, flags = [] }: RunOptions = {}): Run {
  const kind = esm ? ['--input-type=module'] : [];
  const options = { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  return spawnSync(process.execPath, [...flags, ...kind, '-e', script], options);
}

const USE = `const b = hakmem.allocUnsafe(5); hakmem.free(b); console.log(hakmem.backend.name, b.length);`;

describe('loading', () => {
  it('by require', () => {
    const run = node(`const hakmem = require('hakmem'); ${USE}`);
    expect(run).toMatchObject({ status: 0, stdout: `${hakmem.backend.name} 5\n`, stderr: '' });
  });

  it('by import, as a namespace and by name', () => {
    const run = node(`import * as hakmem from 'hakmem'; import { free, alloc } from 'hakmem'; free(alloc(3)); ${USE}`, {
      esm: true,
    });
    expect(run).toMatchObject({ status: 0, stdout: `${hakmem.backend.name} 5\n`, stderr: '' });
  });

  it('both ways in one process are one allocator', () => {
    const script = `import { createRequire } from 'node:module';
      import * as imported from 'hakmem';
      const required = createRequire(process.cwd() + '/x.js')('hakmem');
      required.free(imported.allocUnsafe(5));
      const keys = Object.keys(imported).filter((k) => k !== 'default' && k !== 'module.exports').sort();
      console.log(JSON.stringify(keys) === JSON.stringify(Object.keys(required).sort()));`;
    expect(node(script, { esm: true })).toMatchObject({ status: 0, stdout: 'true\n', stderr: '' });
  });

  it('exports every promised name, typed as it is', () => {
    expect(Object.keys(hakmem)).toEqual(expect.arrayContaining(NAMES));
    for (const name of NAMES.filter((name) => name !== 'backend')) {
      expect((hakmem as unknown as Record<string, unknown>)[name], name).toBeTypeOf('function');
    }
  });

  it('functions work detached from the module', () => {
    const { allocUnsafe, free, from, concat, realloc, usableSize, lease, stats } = hakmem;
    const parts = [from('ab'), from('cd')];
    const buffer = realloc(concat(parts), 40);
    parts.forEach(free);
    expect(buffer.toString('latin1', 0, 4)).toBe('abcd');
    expect(usableSize(buffer)).toBeGreaterThanOrEqual(40);
    expect(stats().blocks.live).toBeGreaterThan(0);
    free(buffer);
    free(allocUnsafe(1));
    lease(1)[Symbol.dispose]();
    books.check();
  });
});

describe('HAKMEM_BACKEND', () => {
  const tell = `const { backend } = require('hakmem'); console.log(backend.name + ': ' + backend.reason);`;

  it('ts forces the TypeScript backend', () => {
    const run = node(tell, { env: { HAKMEM_BACKEND: 'ts' } });
    expect(run.stdout).toMatch(/^ts: .*HAKMEM_BACKEND/);
    expect(run.status).toBe(0);
  });

  it('native forces the native backend, or throws where it cannot be had', () => {
    const run = node(tell, { env: { HAKMEM_BACKEND: 'native' } });
    if (run.status === 0) {
      expect(run.stdout).toMatch(/^native: /);
    } else {
      expect(run.stderr).toContain('ERR_HAKMEM_BACKEND');
    }
  });

  it('anything else is refused, with what it may be', () => {
    const run = node(tell, { env: { HAKMEM_BACKEND: 'rust' } });
    expect(run.status).not.toBe(0);
    expect(run.stderr).toMatch(/ERR_HAKMEM_BACKEND/);
    expect(run.stderr).toMatch(/'?rust'?/);
    expect(run.stderr).toMatch(/native.*ts|ts.*native/s);
  });

  it('unset picks one and says why', () => {
    const run = node(tell, { env: { HAKMEM_BACKEND: '' } });
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/^(native|ts): \S/);
  });
});

describe.each(WITHOUT_ADDONS.map((flags) => ({ flags })))('node $flags', ({ flags }) => {
  it('runs on ts, and says why', () => {
    const script = `const hakmem = require('hakmem'); ${USE} console.log(hakmem.backend.reason);`;
    const run = node(script, { flags, env: { HAKMEM_BACKEND: '' } });
    expect(run.stdout).toMatch(/^ts 5\nthe native addon (does not load: .*|is not built: .*)\n$/);
    expect(run.status).toBe(0);
  });

  it('refuses the native backend with a code', () => {
    const script = `try { require('hakmem'); } catch (error) { console.log(error.code); }`;
    expect(node(script, { flags, env: { HAKMEM_BACKEND: 'native' } }).stdout).toBe('ERR_HAKMEM_BACKEND\n');
  });
});

describe('a process that allocated', () => {
  it.each(['process.exit(0)', 'process.exitCode = 0', 'setTimeout(() => 0, 5)'])('ends by %s without a word', (end) => {
    const script = `const hakmem = require('hakmem');
      globalThis.held = [1, 50000, 3e6].map((size) => hakmem.alloc(size)); ${end};`;
    expect(node(script)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });
});
