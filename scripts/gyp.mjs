/*
 * gyp: the command of node-gyp that builds the addon and the preload library.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileOf, runNode } from './tools.mjs';

/** @returns `command`, node-gyp with the options that each build has; or `reason`, why there is none. */
export function findGyp() {
  const gyp = fileOf('node-gyp', 'bin/node-gyp.js');
  if (!gyp || !fileOf('node-addon-api', 'napi.h')) return { reason: 'node-gyp and node-addon-api are not installed' };
  const headers = headersOption(gyp);
  if (!headers) return { reason: "Node's headers are not beside this Node and could not be downloaded" };
  return { command: [gyp, 'configure', 'build', `--jobs=${availableParallelism()}`, ...headers] };
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
