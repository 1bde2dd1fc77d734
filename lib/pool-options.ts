/**
 * What `createPool` can be told.
 *
 * Pure functions.
 */
import { checkKnown, checkObject } from './arguments';
import { checkNumber, invalidArgType } from './errors';

/** Options of `createPool`. */
export interface PoolOptions {
  /** For people, in messages and statistics. Default: 'pool-' and a running number. */
  name?: string | undefined;
  /** The most that callers may hold, in bytes of blocks (see `usableSize`), 0 or more. Default: no limit. */
  maxBytes?: number | undefined;
  /**
   * Whether Buffers must be fit to be moved to other threads (`share`). The native backend's always are. On the ts backend their
   * memory is then SharedArrayBuffers; without it, `share` and `adopt` throw ERR_HAKMEM_NOT_SHAREABLE there. Default: false.
   */
  shared?: boolean | undefined;
  /** Whether `allocUnsafe` clears memory too, so that no Buffer of this pool ever shows old bytes. Default: false. */
  zero?: boolean | undefined;
  /**
   * Whether misuse is looked for, which costs tens of microseconds a Buffer: each Buffer has an ArrayBuffer of its own, which `free`
   * detaches, so that a use after that throws or finds length 0; `realloc` and `share` copy, and detach too; errors name the stack that
   * freed before as their cause; what was never freed is told at exit. Default: HAKMEM_CHECK.
   */
  checked?: boolean | undefined;
}

/** Every option, and its type. */
const TYPES = {
  name: 'string',
  maxBytes: 'number',
  shared: 'boolean',
  zero: 'boolean',
  checked: 'boolean',
} as const satisfies Record<keyof PoolOptions, string>;
const NAMES = Object.keys(TYPES);

/** @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; RangeError ERR_OUT_OF_RANGE. */
export function checkOptions(options: unknown): asserts options is PoolOptions {
  checkObject(options);
  checkKnown(options, NAMES);
  const values = options as Record<keyof PoolOptions, unknown>;
  for (const [name, type] of Object.entries(TYPES) as [keyof PoolOptions, string][]) {
    if (values[name] !== undefined && typeof values[name] !== type) {
      throw invalidArgType(`options.${name}`, `of type ${type}`, values[name]);
    }
  }
  if (values.maxBytes !== undefined) {
    checkNumber(values.maxBytes, 'options.maxBytes', 0, Number.POSITIVE_INFINITY);
  }
}
