/**
 * A socket that reads into Buffers of a fixed pool, by the option `onread` of `node:net`:
 *
 *     socket   | fill b1 | fill b1 | fill b2 |            the same Buffer again and again,
 *     callback     no   ->   keep()  ->   no               until the callback keeps it; then the next of the pool
 *
 * Without it each read costs a Buffer of 64 KiB that the collector has to find.
 *
 * Invariants: the Buffer that the socket may read into is out of the pool, and is released only when the socket is closed; the next
 * Buffer is there before one is kept, so a pool at its limit is met in `keep`, which the callback can catch, never in Node's own code.
 * Threads: the pool's.
 */
import { invalidArgType } from '../errors';
import { invalidState } from './errors';
import { checkRecycled, giveBack, type RecycledBuffers } from './lender';

/** What `attach` needs of a socket. */
export interface ClosingSocket {
  readonly closed?: boolean;
  on(event: 'close', listener: () => void): unknown;
}

/**
 * Called for each read.
 *
 * @param bytesRead 1 to `buffer.length`.
 * @param buffer the bytes are at its beginning. It is valid until the callback returns, unless it calls `reading.keep()`.
 * @returns false to pause the socket, as in `node:net`.
 */
export type OnReadCallback = (bytesRead: number, buffer: Buffer<ArrayBuffer>, reading: OnRead) => unknown;

/** What the option `onread` of `net.connect` and `new net.Socket` takes. Made by `onread`; good for one socket. */
export interface OnRead {
  /** For `node:net`. @returns the Buffer to read into next. */
  readonly buffer: () => Buffer<ArrayBuffer>;
  /** For `node:net`. */
  readonly callback: (bytesRead: number, buffer: Uint8Array) => boolean;
  /**
   * In the callback: takes the Buffer that was filled over from the socket. It is the caller's to release to the fixed pool.
   *
   * @returns that Buffer.
   * @throws HakmemError ERR_HAKMEM_LIMIT where the pool has no other for the socket, ERR_HAKMEM_OUT_OF_MEMORY: then the Buffer stays the
   *   socket's. Error ERR_INVALID_STATE outside the callback, or the second time.
   */
  keep(): Buffer<ArrayBuffer>;
  /**
   * Sees to it that the socket's Buffer goes back to the pool when the socket is closed: without that it is lost to it.
   *
   * @returns the socket.
   */
  attach<S extends ClosingSocket>(socket: S): S;
}

/**
 * Reads of a socket into Buffers of a fixed pool:
 *
 *     const reading = onread(pool, (bytesRead, buffer) => parser.push(buffer.subarray(0, bytesRead)));
 *     const socket = reading.attach(net.connect({ port, onread: reading }));
 *
 * @param pool of Buffers as long as one read may be; 64 KiB is what Node itself takes.
 * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE for Buffers of 0 bytes. Making the socket throws HakmemError
 *   ERR_HAKMEM_LIMIT, ERR_HAKMEM_OUT_OF_MEMORY where the pool has no Buffer for it.
 */
export function onread(pool: RecycledBuffers, callback: OnReadCallback): OnRead {
  checkRecycled(pool, 'pool');
  if (typeof callback !== 'function') {
    throw invalidArgType('callback', 'of type function', callback);
  }
  return new SocketReading(pool, callback);
}

class SocketReading implements OnRead {
  readonly #pool: RecycledBuffers;
  /** What the socket reads into. */
  #current: Buffer<ArrayBuffer> | null = null;
  /** What the callback may keep. */
  #filled: Buffer<ArrayBuffer> | null = null;

  // Node calls both without an object.
  readonly buffer: () => Buffer<ArrayBuffer>;
  readonly callback: (bytesRead: number, buffer: Uint8Array) => boolean;

  constructor(pool: RecycledBuffers, callback: OnReadCallback) {
    this.#pool = pool;
    this.buffer = () => {
      this.#current ??= pool.acquire();
      return this.#current;
    };
    this.callback = (bytesRead, buffer) => this.#deliver(callback, bytesRead, buffer as Buffer<ArrayBuffer>);
  }

  keep(): Buffer<ArrayBuffer> {
    const kept = this.#filled;
    if (kept === null) {
      throw invalidState('there is no Buffer to keep: keep() is for the callback, once for each read');
    }
    this.#current = this.#pool.acquire();
    this.#filled = null;
    return kept;
  }

  attach<S extends ClosingSocket>(socket: S): S {
    if (socket.closed) {
      this.#release();
    }
    socket.on('close', () => this.#release());
    return socket;
  }

  #deliver(callback: OnReadCallback, bytesRead: number, buffer: Buffer<ArrayBuffer>): boolean {
    this.#filled = buffer;
    try {
      return callback(bytesRead, buffer, this) !== false;
    } finally {
      this.#filled = null;
    }
  }

  #release(): void {
    const buffer = this.#current;
    this.#current = null;
    if (buffer !== null) {
      giveBack(() => this.#pool.release(buffer));
    }
  }
}
