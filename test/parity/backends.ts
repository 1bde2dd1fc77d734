/**
 * The backends whose placement is compared: ts always, native where it is built.
 *
 * A parity run without the native backend compares ts with the model only, and says so. Where the native one is asked
 * for (HAKMEM_BACKEND=native, or HAKMEM_TEST_ALL=1 as in CI) that is an error.
 */
import type { Backend } from '../../lib/backend/contract';
import { loadNative } from '../../lib/backend/native';
import { createTsBackend } from '../../lib/backend/ts/index';

/** Each backend that can be had here, once. */
export function backends(): Backend[] {
  const native = loadNative();
  if ('backend' in native) {
    return [native.backend, createTsBackend()];
  }
  const { HAKMEM_BACKEND: forced, HAKMEM_TEST_ALL: all } = process.env;
  if (forced === 'native' || all === '1') {
    throw new Error(`parity needs the native backend, but ${native.reason}`);
  }
  console.warn(`parity without the native backend: ${native.reason}`);
  return [createTsBackend()];
}

/** What is compared: a heap or pool of each backend, and of ts one in shared memory too, which must not differ either. */
export interface Variant {
  readonly name: string;
  readonly backend: Backend;
  readonly shared: boolean;
}

export function variants(all: readonly Backend[]): Variant[] {
  const plain = all.map((backend) => ({ name: backend.name, backend, shared: false }));
  const shared = all.filter(({ capabilities }) => !capabilities.share);
  return [...plain, ...shared.map((backend) => ({ name: `${backend.name} shared`, backend, shared: true }))];
}
