/*
 * prepare: makes a checkout usable; npm runs it after `npm ci` and for installs from git.
 *
 *     TypeScript -> dist/           always
 *     C and C++  -> build/Release   where a compiler, make, Python and Node's headers are there; copied to prebuilds/
 *
 * Without the tools that is no error: one line says that the ts backend will run, and why. With them, code that does not
 * compile is an error and is shown.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { copyBuild } from './prebuild.mjs';
import { fileOf, findTool, runNode } from './tools.mjs';

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
  const gyp = fileOf('node-gyp', 'bin/node-gyp.js');
  if (!gyp || !fileOf('node-addon-api', 'napi.h')) return without('node-gyp and node-addon-api are not installed');
  const headers = headersOption(gyp);
  if (!headers) return without("Node's headers are not beside this Node and could not be downloaded");
  const jobs = `--jobs=${availableParallelism()}`;
  const result = runNode([gyp, 'configure', 'build', jobs, ...headers]);
  if (!result.ok) fail('the native build', result.output);
  return true;
}

function missingTool() {
  const { CC, CXX, MAKE, PYTHON, NODE_GYP_FORCE_PYTHON, npm_config_python } = process.env;
  if (!findTool(CC ? [program(CC)] : ['cc', 'gcc', 'clang'])) return 'C compiler';
  if (!findTool(CXX ? [program(CXX)] : ['g++', 'c++', 'clang++'])) return 'C++ compiler';
  if (!findTool([MAKE || 'make'])) return 'make';
  if (!findTool([NODE_GYP_FORCE_PYTHON, npm_config_python, PYTHON, 'python3', 'python'])) return 'Python';
  return null;
}

/** `ccache g++ -m64` asks for ccache. */
function program(command) {
  return command.trim().split(/\s+/)[0];
}

/**
 * Node's headers: those beside the running Node fit it exactly; else those that npm's `nodedir` names; else node-gyp
 * downloads them. @returns options for node-gyp, or null where there are none.
 */
function headersOption(gyp) {
  const candidates = [dirname(dirname(process.execPath)), process.env.npm_config_nodedir];
  const found = candidates.find((path) => path && existsSync(join(path, 'include/node/node_api.h')));
  if (found) return [`--nodedir=${found}`];
  return runNode([gyp, 'install', '--ensure']).ok ? [] : null;
}
