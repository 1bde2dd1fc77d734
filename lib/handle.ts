/**
 * Handles: what `share` gives and `adopt` takes, a plain object that any kind of message carries.
 *
 *     { hakmem: 'shared-buffer', token: '00f3...', length: 65536 }                         native
 *     { hakmem: 'shared-buffer', token: '2-1f-...', length: 65536, memory, state, post }   ts: the memory travels with it
 *
 * The token says which block it is, in ts together with the shared memory; the backend knows its length and trusts nothing else in
 * the object.
 *
 * Pure functions.
 */
import type { Token } from './backend/contract';
import { HakmemError, invalidArgType } from './errors';

/** A Buffer on its way to another thread, good for one `adopt`. Can be cloned; that of a native pool also as JSON. */
export interface BufferHandle {
  readonly hakmem: 'shared-buffer';
  /** Names the block within this process. */
  readonly token: string;
  /** Bytes of the Buffer, for whoever wants to know before adopting it. */
  readonly length: number;
  /** Of the ts backend: the memory that the Buffer lies in, and what threads know of it. */
  readonly memory?: SharedArrayBuffer;
  readonly state?: SharedArrayBuffer;
  readonly post?: SharedArrayBuffer;
}

export function handleOf(token: Token, length: number): BufferHandle {
  if (typeof token === 'string') {
    return { hakmem: 'shared-buffer', token, length };
  }
  const { text, memory, state, post } = token;
  return { hakmem: 'shared-buffer', token: text, length, memory, state, post };
}

/**
 * @returns what names the block.
 * @throws TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_NOT_OWNED for an object of another kind.
 */
export function tokenOf(handle: unknown): Token {
  if (typeof handle !== 'object' || handle === null) {
    throw invalidArgType('handle', 'of type object', handle);
  }
  const { hakmem, token, memory, state, post } = handle as Partial<BufferHandle>;
  if (hakmem !== 'shared-buffer') {
    throw new HakmemError('ERR_HAKMEM_NOT_OWNED', 'This object is no handle; `share` makes them');
  }
  if (typeof token !== 'string') {
    throw invalidArgType('handle.token', 'of type string', token);
  }
  return memory && state && post ? { text: token, memory, state, post } : token;
}
