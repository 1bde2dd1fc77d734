/**
 * The errors that callers see: HakmemError for what only an allocator can say, Node's own shapes for bad arguments.
 *
 * A bad argument fails here exactly as it does on `Buffer`: the same class, `code`, words and first line of the stack, so that
 * code which handles one handles the other. Every message names the offending value.
 *
 * Pure functions. Source: lib/internal/errors.js of Node.
 */
import { inspect } from 'node:util';

/** What can go wrong in hakmem itself. */
export type HakmemErrorCode =
  | 'ERR_HAKMEM_BACKEND'
  | 'ERR_HAKMEM_DESTROYED'
  | 'ERR_HAKMEM_DOUBLE_FREE'
  | 'ERR_HAKMEM_LIMIT'
  | 'ERR_HAKMEM_MOVED'
  | 'ERR_HAKMEM_NOT_OWNED'
  | 'ERR_HAKMEM_NOT_SHAREABLE'
  | 'ERR_HAKMEM_OUT_OF_MEMORY';

/**
 * An error of the allocator. `code` says which:
 *
 * - `ERR_HAKMEM_DOUBLE_FREE`: the Buffer was given back before;
 * - `ERR_HAKMEM_NOT_OWNED`: it does not come from this pool (another pool's, a slice, a copy, one of Node's);
 * - `ERR_HAKMEM_OUT_OF_MEMORY`: there is no memory for the request;
 * - `ERR_HAKMEM_LIMIT`: the pool's own `maxBytes` or `maxBuffers` would be exceeded;
 * - `ERR_HAKMEM_DESTROYED`: the pool was destroyed, or the one that a handle came from;
 * - `ERR_HAKMEM_MOVED`: the Buffer was shared, or the handle adopted before;
 * - `ERR_HAKMEM_NOT_SHAREABLE`: this pool's Buffers cannot be moved between threads;
 * - `ERR_HAKMEM_BACKEND`: the backend asked for cannot be had, or cannot do what was asked.
 */
export class HakmemError extends Error {
  readonly code: HakmemErrorCode;

  constructor(code: HakmemErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
// On the prototype, as the engine's own errors have it: an own property would show whenever the error is printed.
Object.defineProperty(HakmemError.prototype, 'name', { value: 'HakmemError', configurable: true, writable: true });

/** An error with a code in the way of Node's own. */
export interface CodedError extends Error {
  code: string;
}

/**
 * @param name the argument; with a dot in it, the property.
 * @param expected the end of the sentence 'must be ...', for instance 'of type number'.
 * @returns TypeError ERR_INVALID_ARG_TYPE.
 */
export function invalidArgType(name: string, expected: string, received: unknown): CodedError {
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The "${name}" ${kind} must be ${expected}. Received ${describe(received)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE');
}

/**
 * @param range the end of the sentence 'It must be ...'.
 * @returns RangeError ERR_OUT_OF_RANGE.
 */
export function outOfRange(name: string, range: string, received: number): CodedError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${separated(received)}`;
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE');
}

/** @returns TypeError ERR_INVALID_ARG_VALUE for an option that there is not. */
export function unknownOption(name: string, known: readonly string[], received: unknown): CodedError {
  const message = `The property 'options.${name}' is no option; there are ${known.join(', ')}. Received ${inspect(received)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/** @returns TypeError ERR_INVALID_ARG_VALUE for a setting of the environment. */
export function invalidSetting(variable: string, mustBe: string, received: string): CodedError {
  const message = `The environment variable ${variable} must be ${mustBe}. Received ${inspect(received)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/** @returns TypeError ERR_INVALID_STATE for who would take a Buffer's memory out of its pool. */
export function untransferable(): CodedError {
  const message = 'Invalid state: the memory of a pooled Buffer cannot be transferred; copy its bytes, or share it';
  return withCode(new TypeError(message), 'ERR_INVALID_STATE');
}

/** @returns TypeError ERR_INVALID_STATE for giving back a Buffer whose memory somebody else has by now. */
export function transferredAway(): CodedError {
  const message = 'Invalid state: the memory of this Buffer was transferred away, so the Buffer cannot be given back';
  return withCode(new TypeError(message), 'ERR_INVALID_STATE');
}

/** @throws what `Buffer` throws, unless the value is a number in the range; NaN never is. */
export function checkNumber(value: unknown, name: string, least: number, most: number): asserts value is number {
  if (typeof value !== 'number') {
    throw invalidArgType(name, 'of type number', value);
  }
  if (!(value >= least && value <= most)) {
    throw outOfRange(name, most === Number.POSITIVE_INFINITY ? `>= ${least}` : `>= ${least} && <= ${most}`, value);
  }
}

/** Whether an error says that the caller was too deep in calls: a RangeError as those of the engine for memory. Pure. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith('Maximum call stack');
}

/** Puts the code where Node has it: in a property, and in the first line of the stack. */
function withCode(error: Error, code: string): CodedError {
  const { name } = error;
  error.name = `${name} [${code}]`;
  Error.captureStackTrace(error, withCode);
  // The engine writes the first line when the stack is read, or before: either way with the longer name.
  void error.stack;
  Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code });
}

/** The words that Node has for a value of the wrong type. */
function describe(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === 'function') {
    return `function ${value.name}`;
  }
  if (typeof value === 'object') {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== '' ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = typeof value === 'string' && value.length > 28 ? `${value.slice(0, 25)}...` : value;
  return `type ${typeof value} (${inspect(text)})`;
}

/** A number as Node prints it in such messages: large integers with a `_` between groups of three digits. */
function separated(value: number): string {
  const text = inspect(value);
  return Number.isInteger(value) && Math.abs(value) > 2 ** 32 ? text.replace(/\B(?=(\d{3})+$)/g, '_') : text;
}
