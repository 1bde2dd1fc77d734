/**
 * Which backend runs, and why: native if it loads, else ts; HAKMEM_BACKEND forces one.
 *
 *     HAKMEM_BACKEND   native loads    runs
 *     (unset)          yes             native
 *     (unset)          no              ts, with the reason why native does not load
 *     native           no              nothing: ERR_HAKMEM_BACKEND
 *     ts               not tried       ts
 *
 * Threads: chosen once in each JavaScript thread.
 */
import { HakmemError } from '../errors';
import { options, trace } from '../options';
import type { Backend, Capabilities } from './contract';
import { loadNative } from './native';
import { createTsBackend } from './ts/index';

/** Which backend runs, and why. */
export interface BackendInfo {
  readonly name: 'native' | 'ts';
  /** A sentence for people. */
  readonly reason: string;
  readonly capabilities: Capabilities;
}

/**
 * @param forced 'native', 'ts', or '' for the best that can be had.
 * @throws HakmemError ERR_HAKMEM_BACKEND where the forced one cannot be had, or is none of these.
 */
function selectBackend(forced: string): [Backend, BackendInfo] {
  if (forced !== '' && forced !== 'native' && forced !== 'ts') {
    throw new HakmemError('ERR_HAKMEM_BACKEND', `HAKMEM_BACKEND must be 'native' or 'ts'. Received '${forced}'`);
  }
  if (forced === 'ts') {
    return describe(createTsBackend(), 'HAKMEM_BACKEND=ts');
  }
  const outcome = loadNative();
  if ('backend' in outcome) {
    return describe(outcome.backend, forced === '' ? 'the native addon loaded' : 'HAKMEM_BACKEND=native');
  }
  if (forced === 'native') {
    throw new HakmemError('ERR_HAKMEM_BACKEND', `HAKMEM_BACKEND=native, but ${outcome.reason}`);
  }
  return describe(createTsBackend(), outcome.reason);
}

function describe(backend: Backend, reason: string): [Backend, BackendInfo] {
  trace('backend %s: %s', backend.name, reason);
  return [
    backend,
    Object.freeze({ name: backend.name, reason, capabilities: Object.freeze({ ...backend.capabilities }) }),
  ];
}

let chosen: [Backend, BackendInfo] | undefined;

/** @returns the backend of this thread; the first call chooses it. */
export function currentBackend(): Backend {
  chosen ??= selectBackend(options.backend);
  return chosen[0];
}

/** @returns what to tell of a backend; of one that was not chosen here there is nothing to tell but its name. */
export function infoOf(backend: Backend): BackendInfo {
  if (chosen?.[0] === backend) {
    return chosen[1];
  }
  return { name: backend.name, reason: 'given to the pool', capabilities: backend.capabilities };
}
