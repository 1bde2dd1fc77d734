/**
 * The errors of hakmem/io that are no allocator's: Node's own shapes.
 *
 * Pure functions. Source: lib/internal/errors.js of Node.
 */
import { invalidArgType } from '../errors';

/** What Node throws where a signal ends an operation; its own class is not to be had. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR';

  /** @param cause the signal's reason. */
  constructor(cause: unknown) {
    super('The operation was aborted', { cause });
  }
}
// On the prototype, as the engine's own errors have it.
Object.defineProperty(AbortError.prototype, 'name', { value: 'AbortError', configurable: true, writable: true });

/** @throws AbortError ABORT_ERR where the signal says so. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new AbortError(signal.reason);
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE unless it is a signal, or left out. */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal !== undefined && !(typeof signal === 'object' && signal !== null && 'aborted' in signal)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal);
  }
}

/** @returns Error ERR_INVALID_STATE: the call makes no sense any more. */
export function invalidState(message: string): Error {
  return Object.assign(new Error(`Invalid state: ${message}`), { code: 'ERR_INVALID_STATE' });
}

/** @returns Error ERR_STREAM_PREMATURE_CLOSE: the stream was destroyed before its end. */
export function prematureClose(): Error {
  return Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

/** @returns RangeError ERR_FS_FILE_TOO_LARGE: no Buffer can be as long as the file. */
export function fileTooLarge(sizeBytes: number, mostBytes: number): Error {
  const message = `File size (${sizeBytes}) is greater than ${mostBytes} bytes, the length of the longest Buffer`;
  return Object.assign(new RangeError(message), { code: 'ERR_FS_FILE_TOO_LARGE' });
}
