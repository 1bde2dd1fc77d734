/** The preload library on musl, where there is a compiler for it: it builds from the same sources, and a server of many threads runs under it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = path.join(__dirname, '../..');
const COMPILER = 'musl-gcc';
/** musl has no headers of the kernel's; those of the machine stand behind its own. */
const KERNEL_HEADERS = ['/usr/include', `/usr/include/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hakmem-musl-'));
const library = path.join(directory, 'libhakmem-preload.so');

afterAll(() => {
  fs.rmSync(directory, { recursive: true });
});

function compile(words: string[]) {
  const headers = KERNEL_HEADERS.flatMap((place) => ['-idirafter', place]);
  const result = spawnSync(COMPILER, ['-std=c11', '-O2', '-pthread', ...headers, ...words], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
}

function sources(): string[] {
  const core = fs.readFileSync(path.join(ROOT, 'native/core/sources.txt'), 'utf8').trim().split(/\s+/);
  const preload = fs.readdirSync(path.join(ROOT, 'native/preload')).filter((name) => name.endsWith('.c'));
  return [...core.map((name) => `native/core/${name}`), ...preload.map((name) => `native/preload/${name}`)];
}

describe.runIf(spawnSync(COMPILER, ['--version']).status === 0)('on musl', () => {
  it('builds without a warning', () => {
    const flags = ['-fPIC', '-ftls-model=initial-exec', '-fno-builtin-malloc', '-fvisibility=hidden', '-DHAK_STATIC'];
    const linked = ['-shared', '-Wl,-z,defs', '-Wl,-z,initfirst', '-o', library];
    compile([...flags, '@native/warnings.txt', '-Inative/include', ...sources(), ...linked]);
  });

  it('is the malloc of a program with threads', () => {
    const program = path.join(directory, 'larson');
    const workloads = path.join(ROOT, 'bench/malloc/workloads');
    compile([path.join(workloads, 'larson.c'), path.join(workloads, 'support.c'), '-o', program]);
    const run = spawnSync(program, { encoding: 'utf8', env: { LD_PRELOAD: library, HAKMEM_STATS: '1' } });
    expect(run).toMatchObject({ status: 0, stderr: expect.stringMatching(/^hakmem [\s\S]* \d{8} blocks allocated, /) });
  });
});
