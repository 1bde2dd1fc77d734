/*
 * prepare: makes a checkout usable; npm runs it after `npm ci` and for installs from git.
 *
 *     TypeScript -> dist/           always
 *     C and C++  -> build/Release   where a compiler, make, Python and Node's headers are there; copied to prebuilds/
 *
 * Without the tools that is no error: one line says that the ts backend will run, and why. With them, code that does not
 * compile is an error and is shown.
 */
import { findGyp } from './gyp.mjs';
import { copyBuild } from './prebuild.mjs';
import { fileOf, findTool, programOf, runNode } from './tools.mjs';

const native = buildTypeScript() && buildNative();
if (native) copyBuild();

function fail(what, output) {
  console.error(`${output}\nhakmem: ${what} failed`);
  process.exit(1);
}

/** One line, and all is well. */
function without(reason) {
  console.log(`hakmem: the native backend was not built, the ts backend will be used: ${reason}`);
  return false;
}

function buildTypeScript() {
  const tsc = fileOf('typescript', 'bin/tsc');
  if (!tsc) {
    console.log('hakmem: devDependencies are not installed (--omit=dev?), so nothing is built; dist/ stays as it is');
    return false;
  }
  const result = runNode([tsc, '-p', 'tsconfig.json']);
  if (!result.ok) fail('TypeScript', result.output);
  return true;
}

/** @returns whether there is a build; false after one line that says why not. */
function buildNative() {
  if (process.platform !== 'linux') return without(`the C core does not know ${process.platform} yet`);
  const missing = missingTool();
  if (missing) return without(`no ${missing} was found`);
  const gyp = findGyp();
  if (gyp.reason) return without(gyp.reason);
  const result = runNode(gyp.command);
  if (!result.ok) fail('the native build', result.output);
  return true;
}

function missingTool() {
  const { CC, CXX, MAKE, PYTHON, NODE_GYP_FORCE_PYTHON, npm_config_python } = process.env;
  if (!findTool(CC ? [programOf(CC)] : ['cc', 'gcc', 'clang'])) return 'C compiler';
  if (!findTool(CXX ? [programOf(CXX)] : ['g++', 'c++', 'clang++'])) return 'C++ compiler';
  if (!findTool([MAKE || 'make'])) return 'make';
  if (!findTool([NODE_GYP_FORCE_PYTHON, npm_config_python, PYTHON, 'python3', 'python'])) return 'Python';
  return null;
}
