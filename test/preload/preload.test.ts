/*
 * Whole programs under the preload library: the malloc family at its edges, and the programs that every machine has.
 * A program that is not installed is skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

const library = join(__dirname, '..', '..', 'build', 'Release', 'libhakmem-preload.so');
const directory = mkdtempSync(join(tmpdir(), 'hakmem-preload-'));

const installed = (program: string) => spawnSync(program, ['--version']).error === undefined;

function preloaded(program: string, args: string[], input = '') {
  const env = { ...process.env, NODE_OPTIONS: '', LD_PRELOAD: library };
  return spawnSync(program, args, { encoding: 'utf8', input, env });
}

/** Runs the program with and without the library and expects the same. */
function expectSame(program: string, args: string[], input = '') {
  const plain = spawnSync(program, args, { encoding: 'utf8', input });
  const result = preloaded(program, args, input);
  expect(result.stderr).toBe(plain.stderr);
  expect(result.stdout).toBe(plain.stdout);
  expect(result.status).toBe(plain.status);
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

describe.runIf(existsSync(library))('under the preload library', () => {
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test.runIf(installed('cc'))('the malloc family keeps to the manual', () => {
    const program = join(directory, 'family');
    execFileSync('cc', ['-O1', '-g', '-fno-builtin', '-o', program, join(__dirname, 'family.c'), '-pthread', '-ldl']);
    const result = preloaded(program, []);
    expect(result.stderr).toBe('');
    expect(result.stdout).toBe('family holds\n');
    expect(result.status).toBe(0);
  });

  const lines = Array.from({ length: 20000 }, (_, i) => `${(i * 7919) % 20011} ${'y'.repeat(i % 50)}`).join('\n');

  test.each([
    ['ls', ['-la', '/usr/bin'], ''],
    ['sort', ['-n', '--parallel=2', '-S', '1M'], lines],
    [
      'bash',
      [
        '-c',
        'for i in 1 2 3 4 5; do echo $i | cat; done; declare -A m; for i in {1..999}; do m[$i]=$i; done; echo $' +
          '{#m[@]}',
      ],
      '',
    ],
    ['perl', ['-e', 'my %h; $h{$_} = "x" x $_ for 1..3000; print length(join "", values %h), "\\n"'], ''],
    ['python3', ['-c', PYTHON], ''],
    [process.execPath, ['-e', NODE], ''],
    ['cc', ['-x', 'c', '-O2', '-S', '-o', '-', '-'], 'int f(int x) { return x * 3; }'],
    ['git', ['--version'], ''],
  ] as [string, string[], string][])('%s does what it did', (program, args, input) => {
    if (installed(program)) expectSame(program, args, input);
  });
});
