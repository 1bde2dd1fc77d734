/*
 * test: everything that must hold, step by step; a line for each step with its time.
 *
 * Steps whose tools are not there are left out with the reason. That is no failure on a user's machine; with
 * HAKMEM_TEST_ALL=1 (.ci/run sets it) it is one.
 */
import { existsSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOf, findTool, root, run, runNode } from './tools.mjs';

const SHOWN = { stdio: 'inherit' };
const counts = { passed: 0, failed: 0, leftOut: 0 };
const all = process.env.HAKMEM_TEST_ALL === '1';

/** Runs one step. `action` returns `{ ok, output }`, or `{ reason }` where it had to be left out. */
function step(name, action) {
  const start = performance.now();
  const result = action();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (result.reason) {
    counts.leftOut++;
    console.log(`left out  ${name}: ${result.reason}`);
    return;
  }
  if (!result.ok && result.output) console.log(result.output);
  counts[result.ok ? 'passed' : 'failed']++;
  console.log(`${result.ok ? 'passed' : 'FAILED'}    ${name} (${seconds} s)`);
}

const script = (name, ...args) => runNode([join('scripts', name), ...args]);
const built = () => existsSync(join(root, 'build/Release/hakmem.node'));

step('build', () => script('prepare.mjs'));
step('version', () => script('version.mjs', '--check'));
step('typecheck', () => runNode([fileOf('typescript', 'bin/tsc'), '-p', 'tsconfig.test.json', '--noEmit']));
step('lint', () => runNode([fileOf('@biomejs/biome', 'bin/biome'), 'check', '.']));
step('layers', () => script('layers.mjs'));
step('vitest', () =>
  runNode([fileOf('vitest', 'vitest.mjs'), 'run', ...(built() ? [] : ['--project', '!native'])], SHOWN),
);
if (!built()) step('vitest, native project', () => ({ reason: 'the native backend is not built' }));
step('C tests', () => cTests('build-cmake', ''));
step('C tests, address and undefined sanitizers', () => cTests('build-asan', 'address,undefined'));
step('C tests, thread sanitizer', () => cTests('build-tsan', 'thread'));
step('symbols', () => {
  if (!existsSync(join(root, 'build-cmake/libhakmem.so'))) return { reason: 'there is no CMake build' };
  return findTool(['nm']) ? script('symbols.mjs') : { reason: 'no nm was found' };
});

const leftOut = counts.leftOut > 0 ? `, ${counts.leftOut} left out` : '';
console.log(`steps: ${counts.passed} passed, ${counts.failed} failed${leftOut}`);
if (counts.failed > 0 || (all && counts.leftOut > 0)) process.exitCode = 1;

/** Configures, builds and runs the C tests in a build directory of their own. */
function cTests(directory, sanitize) {
  const reason = cannotBuild(sanitize);
  if (reason) return { reason };
  const configured = run('cmake', ['-B', directory, `-DHAK_SANITIZE=${sanitize}`, '-DHAK_BUILD_TESTS=ON']);
  if (!configured.ok) return configured;
  // Sanitized builds need the tests only, not the libraries that programs use.
  const targets = sanitize ? ['--target', 'c-tests'] : [];
  const compiled = run('cmake', ['--build', directory, '--parallel', String(availableParallelism()), ...targets]);
  if (!compiled.ok) return compiled;
  return run('ctest', ['--test-dir', directory, '--output-on-failure', '--no-tests=error'], SHOWN);
}

/** @returns why the C tests cannot be built here, or null. */
function cannotBuild(sanitize) {
  if (!findTool(['cmake'])) return 'no cmake was found';
  const compiler = findTool([process.env.CC, 'cc', 'gcc', 'clang']);
  if (!compiler) return 'no C compiler was found';
  if (!sanitize) return null;
  const probe = join(tmpdir(), `hakmem-probe-${process.pid}`);
  const works = run(compiler, [`-fsanitize=${sanitize}`, '-x', 'c', '-', '-o', probe], {
    input: 'int main(void){return 0;}',
  });
  rmSync(probe, { force: true });
  return works.ok ? null : `${compiler} cannot link -fsanitize=${sanitize}`;
}
