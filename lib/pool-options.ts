/**
 * What `createPool` can be told.
 *
 * Pure functions.
 */
import { checkObject } from './arguments';
import { checkNumber, invalidArgType } from './errors';

/** Options of `createPool`. */
export interface PoolOptions {
  /** For people, in messages and statistics. Default: 'pool-' and a running number. */
  name?: string | undefined;
  /** The most that callers may hold, in bytes of blocks (see `usableSize`), 0 or more. Default: no limit. */
  maxBytes?: number | undefined;
  /**
   * Whether Buffers must be fit to be moved to other threads (`share`). The native backend's always are. On the ts backend their
   * memory is then SharedArrayBuffers; without it, `share` and `adopt` throw ERR_HAKMEM_NOT_SHAREABLE there. Where a backend has no
   * such pools, `true` throws that at once. Default: false.
   */
  shared?: boolean | undefined;
  /** Whether `allocUnsafe` clears memory too, so that no Buffer of this pool ever shows old bytes. Default: false. */
  zero?: boolean | undefined;
}

/** @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE. */
export function checkOptions(options: unknown): asserts options is PoolOptions {
  checkObject(options);
  const { name, maxBytes, shared, zero } = options as Record<keyof PoolOptions, unknown>;
  checkType('options.name', 'string', name);
  checkType('options.shared', 'boolean', shared);
  checkType('options.zero', 'boolean', zero);
  if (maxBytes !== undefined) {
    checkNumber(maxBytes, 'options.maxBytes', 0, Number.POSITIVE_INFINITY);
  }
}

function checkType(name: string, type: 'string' | 'boolean', value: unknown): void {
  if (value !== undefined && typeof value !== type) {
    throw invalidArgType(name, `of type ${type}`, value);
  }
}
