/*
 * What the scripts share: where the checkout is, and how to run a program.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(root, 'package.json'));

/** The file that `request` names for a module of this package, or null where it is not installed. */
export function resolve(request) {
  try {
    return require.resolve(request);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/** A file of an installed package, also one that its `exports` do not list; null where the package is not installed. */
export function fileOf(packageName, file) {
  const manifest = resolve(`${packageName}/package.json`);
  return manifest && join(dirname(manifest), file);
}

/** Runs a program in the checkout. @returns `{ ok, missing, output }`; output is empty where `options` inherits stdio. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  return {
    ok: result.status === 0,
    missing: result.error?.code === 'ENOENT',
    output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`,
  };
}

/** Runs one of Node's own programs in the Node that runs this. */
export function runNode(args, options) {
  return run(process.execPath, args, options);
}

/** The first of `names` that answers to --version, or null. */
export function findTool(names) {
  return names.find((name) => name && run(name, ['--version']).ok) ?? null;
}

/** @returns the program that a compiler's command names: `ccache g++ -m64` asks for ccache. */
export function programOf(command) {
  return command.trim().split(/\s+/)[0];
}
