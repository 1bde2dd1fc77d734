/** Compiles the launcher, its helper and the workloads, with whatever C compiler is there, to a folder that git ignores. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../..');
const SOURCES = path.join(import.meta.dirname, 'workloads');
const SUPPORT = path.join(SOURCES, 'support.c');
export const BUILT = path.join(ROOT, 'build-bench');
/** Where programs run: some leave files. */
export const SCRATCH = path.join(BUILT, 'scratch');

/** Something that this machine has not, told in a sentence. */
export const { NotHereError } = createRequire(import.meta.url)('../../dist/cli/preload.js');

/** @returns the path of a compiled program. */
export function builtProgram(name) {
  return path.join(BUILT, name);
}

/** @throws NotHereError where there is no C compiler; Error with the compiler's words where it refuses. */
export function buildAll() {
  const compiler = findCompiler();
  compile(compiler, 'launcher', [path.join(import.meta.dirname, 'launcher.c')]);
  compile(compiler, 'brisk.so', ['-shared', '-fPIC', path.join(import.meta.dirname, 'brisk.c')]);
  for (const file of readdirSync(SOURCES).filter((name) => name.endsWith('.c') && name !== 'support.c')) {
    compile(compiler, file.replace(/\.c$/, ''), [path.join(SOURCES, file), SUPPORT]);
  }
}

function findCompiler() {
  const names = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean);
  const found = names.find((name) => spawnSync(name, ['--version']).status === 0);
  if (found === undefined) {
    throw new NotHereError(`no C compiler is here (looked for ${names.join(', ')}), and the workloads are C programs`);
  }
  return found;
}

function compile(compiler, name, words) {
  const warnings = readFileSync(path.join(ROOT, 'native/warnings.txt'), 'utf8').trim().split(/\s+/);
  const flags = ['-std=c11', '-O2', '-pthread', ...warnings];
  place(name, (file) => {
    const run = spawnSync(compiler, [...flags, '-o', file, ...words], { encoding: 'utf8' });
    if (run.status !== 0) {
      throw new Error(`${name} does not compile: ${run.error?.message ?? run.stderr}`);
    }
  });
}

/** Makes a file beside its place and moves it there at once: another bench may be running what was there. @returns its path. */
export function place(name, make) {
  mkdirSync(SCRATCH, { recursive: true });
  const file = builtProgram(name);
  const fresh = `${file}.${process.pid}`;
  make(fresh);
  renameSync(fresh, file);
  return file;
}
