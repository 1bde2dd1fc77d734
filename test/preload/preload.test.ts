/*
 * Whole programs under the preload library: those beside this file, one for each thing that must hold, and those that every
 * machine has, which must do what they do without it. A program that is not installed is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const built = join(root, 'build', 'Release', 'libhakmem-preload.so');
const directory = mkdtempSync(join(tmpdir(), 'hakmem-preload-'));
/** A copy, for a build that runs meanwhile takes the library away. */
const library = join(directory, 'libhakmem-preload.so');

const { HAKMEM_STATS: _stats, LD_PRELOAD: _preload, ...inherited } = process.env;
const environment = { ...inherited, NODE_OPTIONS: '' };

const installed = (program: string) => spawnSync(program, ['--version']).error === undefined;

function preloaded(program: string, args: string[], input = '', more: NodeJS.ProcessEnv = {}) {
  const env = { ...environment, LD_PRELOAD: library, ...more };
  return spawnSync(program, args, { encoding: 'utf8', input, env, maxBuffer: 2 ** 28 });
}

/** Runs the program with and without the library and expects the same. */
function expectSame(program: string, args: string[], input = '') {
  const plain = spawnSync(program, args, { encoding: 'utf8', input, env: environment, maxBuffer: 2 ** 28 });
  const result = preloaded(program, args, input);
  expect(result.stderr).toBe(plain.stderr);
  expect(result.stdout === plain.stdout, 'the same output').toBe(true);
  expect(result.status).toBe(plain.status);
  expect(plain.status).toBe(0);
}

const PYTHON = `
import json, threading
data = [{'key': i, 'text': 'x' * i} for i in range(2000)]
assert json.loads(json.dumps(data)) == data
threads = [threading.Thread(target=lambda: [bytearray(i) for i in range(5000)]) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(len(row['text']) for row in data))
`;

const NODE = `
const { Worker } = require('node:worker_threads');
const zlib = require('node:zlib');
const bytes = require('node:crypto').randomBytes(1 << 20);
if (!zlib.gunzipSync(zlib.gzipSync(bytes)).equals(bytes)) throw new Error('not the same');
let ended = 0;
const body = 'const all = []; for (let i = 0; i < 1000; i++) all.push(Buffer.alloc(10000 + i)); require("child_process").execSync("true");';
for (let i = 0; i < 4; i++) new Worker(body, { eval: true }).on('exit', () => ++ended === 4 && console.log('all ended'));
`;

const BASH =
  'for i in 1 2 3; do echo $i | cat; done; declare -A m; for i in {1..999}; do m[$i]=$i; done; echo "$' + '{#m[@]}"';

const SQL = `
CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT);
WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 50000)
INSERT INTO numbers SELECT n, hex(n * 7919) FROM counter;
CREATE INDEX by_text ON numbers (text);
SELECT count(*), sum(n), max(text) FROM numbers WHERE text LIKE '%A%';
SELECT group_concat(text) FROM (SELECT text FROM numbers ORDER BY text DESC LIMIT 50);
`;

const lines = Array.from({ length: 20000 }, (_, i) => `${(i * 7919) % 20011} ${'y'.repeat(i % 50)}`).join('\n');
const compile = ['-std=c11', '-O2', '-S', '-o', '-', '-Inative/include', '-Inative/core'];

/** @returns the directory of a package of some files. */
function somePackage(): string {
  const made = join(directory, 'package');
  cpSync(join(root, 'lib'), join(made, 'lib'), { recursive: true });
  writeFileSync(join(made, 'package.json'), JSON.stringify({ name: 'some-package', version: '1.0.0' }));
  return made;
}

/** Node releases beside the one that runs the tests, where the machine has them: HAKMEM_TEST_NODES=<program>:<program>. */
const nodes = [process.execPath, ...(process.env.HAKMEM_TEST_NODES ?? '').split(':').filter(existsSync)];

const PROGRAMS: [program: string, args: string[], input?: string][] = [
  ['ls', ['-la', '/usr/bin']],
  ['sort', ['-n', '--parallel=2', '-S', '1M'], lines],
  ['bash', ['-c', BASH]],
  ['perl', ['-e', 'my %h; $h{$_} = "x" x $_ for 1..3000; print length(join "", values %h), "\\n"']],
  ['python3', ['-c', PYTHON]],
  ...nodes.map((node): [string, string[]] => [node, ['-e', NODE]]),
  ['npm', ['pack', '--dry-run', '--ignore-scripts', somePackage()]],
  ['cc', [...compile, join(root, 'native/core/heap.c'), '-I', join(root, 'native/include')]],
  [
    'bash',
    ['-c', `cd "$(mktemp -d)" && git init -q && cp -r '${join(root, 'lib')}' . && git add -A && git write-tree`],
  ],
  ['sqlite3', [], SQL],
];

describe.runIf(existsSync(built))('under the preload library', () => {
  beforeAll(() => copyFileSync(built, library));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const own = readdirSync(__dirname).filter((name) => /\.cc?$/.test(name));
  const compilers: Record<string, string[]> = { c: ['cc', '-fno-builtin'], cc: ['c++', '-std=c++17'] };

  test.each(own)('%s holds', (name) => {
    const [compiler, ...flags] = compilers[name.split('.')[1]];
    if (!installed(compiler)) {
      return;
    }
    const program = join(directory, name.replace('.', '-'));
    const source = join(__dirname, name);
    execFileSync(compiler, [...flags, '-O1', '-g', '-Wall', '-Wextra', '-o', program, source, '-pthread', '-ldl']);
    const result = preloaded(program, []);
    expect(result.stderr).toBe('');
    expect(result).toMatchObject({ stdout: 'holds\n', status: 0, signal: null });
  });

  test.each(PROGRAMS)('%s does what it did', (program, args, input) => {
    if (installed(program)) {
      expectSame(program, args, input);
    }
  });

  test('a summary is printed at exit, also by a program that closes standard error itself', () => {
    for (const program of ['ls', process.execPath]) {
      const result = preloaded(program, ['--version'], '', { HAKMEM_STATS: '1' });
      expect(result.status).toBe(0);
      expect(result.stderr).toMatch(/^hakmem \d+\.\d+\.\d+: \w+, process \d+\n {2}live /);
      expect(result.stderr).toMatch(/blocks allocated/);
    }
  });

  test('a summary goes into no file that the program opened meanwhile', () => {
    const file = join(directory, 'opened');
    const script = `import os; os.closerange(0, 256)
for n in range(256): os.open(${JSON.stringify(file)}, os.O_RDWR | os.O_CREAT)`;
    if (installed('/usr/bin/python3')) {
      preloaded('/usr/bin/python3', ['-c', script], '', { HAKMEM_STATS: '1' });
      expect(execFileSync('cat', [file], { encoding: 'utf8' })).toBe('');
    }
  });

  /** layout.ld: unwind tables and seldom used code are in segments of their own, which nobody touches here. */
  test('a small program has only what it needs of the library in memory', () => {
    const mapping = /^[0-9a-f-]+ (\S+) .*libhakmem-preload\.so\n(?:(?!Rss)\w+:.*\n)*Rss: +(\d+) kB/gm;
    const resident = [...preloaded('cat', ['/proc/self/smaps']).stdout.matchAll(mapping)];
    const ofFlags = (flags: string) => resident.filter((match) => match[1] === flags).map((match) => Number(match[2]));
    expect(ofFlags('r-xp')).toEqual([expect.any(Number), 0]);
    expect(ofFlags('r--p')).toContain(0);
  });

  const look = 'grep -c libhakmem-preload /proc/self/maps; echo "$LD_PRELOAD $HAKMEM_INHERIT"';

  test('programs that it starts have it too', () => {
    expect(Number.parseInt(preloaded('bash', ['-c', look]).stdout, 10)).toBeGreaterThan(0);
  });

  test('programs that it starts are without it, with HAKMEM_INHERIT=0', () => {
    const result = preloaded('bash', ['-c', look], '', { HAKMEM_INHERIT: '0', HAKMEM_STATS: '1' });
    expect(result.stdout).toBe('0\n \n');
    expect(result.stderr.match(/process \d+/g)).toHaveLength(1);
    const other = '/lib/x86_64-linux-gnu/libm.so.6';
    if (existsSync(other)) {
      const kept = { HAKMEM_INHERIT: '0', LD_PRELOAD: ` ${library}:${other} ${library}` };
      expect(preloaded('bash', ['-c', look], '', kept).stdout).toBe(`0\n${other} \n`);
    }
  });
});
