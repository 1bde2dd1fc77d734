/**
 * Handles: what `share` gives and `adopt` takes, a plain object that any kind of message carries.
 *
 *     { hakmem: 'shared-buffer', token: '00f3...', length: 65536 }
 *
 * The token alone says which block it is; the backend knows its length and trusts nothing else in the object.
 *
 * Pure functions.
 */
import { HakmemError, invalidArgType } from './errors';

/** A Buffer on its way to another thread. Can be cloned, also as JSON; good for one `adopt`. */
export interface BufferHandle {
  readonly hakmem: 'shared-buffer';
  /** Names the block within this process. */
  readonly token: string;
  /** Bytes of the Buffer, for whoever wants to know before adopting it. */
  readonly length: number;
}

export function handleOf(token: string, length: number): BufferHandle {
  return { hakmem: 'shared-buffer', token, length };
}

/**
 * @returns the token of a handle.
 * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_NOT_OWNED for an object of another kind.
 */
export function tokenOf(handle: unknown): string {
  if (typeof handle !== 'object' || handle === null) {
    throw invalidArgType('handle', 'of type object', handle);
  }
  const { hakmem, token } = handle as Partial<BufferHandle>;
  if (hakmem !== 'shared-buffer') {
    throw new HakmemError('ERR_HAKMEM_NOT_OWNED', 'This object is no handle; `share` makes them');
  }
  if (typeof token !== 'string') {
    throw invalidArgType('handle.token', 'of type string', token);
  }
  return token;
}
