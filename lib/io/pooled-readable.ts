/**
 * A Readable whose chunks go back to their pool when the consumer is done with them, where that can be known.
 *
 *     chunks()                        pooled     done at the next step
 *     pipeTo(writable)                pooled     done at the callback of write(): the caller says so
 *     pipe(writable), pipeline()      pooled     the same, where the writable is known to keep nothing: see destinations.ts
 *     everything else                 Node's     'data', read(), for await, stream/consumers, pipe to a PassThrough ...
 *
 * Who reads an ordinary stream owns what it gets, and may keep it: `toArray` and `stream/consumers` do. So an ordinary consumer gets Buffers
 * of Node's own, which the collector frees, and nothing that anybody could recycle behind its back.
 *
 *     idle --pipe--> joining --next tick--> pooled        joining: a second pipe() may still follow, and then both are ordinary
 *       |               '---second pipe---> ordinary <--unpipe-- pooled
 *       '---read, data, ...---------------> ordinary
 *
 * Invariants: a pooled chunk is never in the stream's own buffer; nothing goes back that the source may be writing to or the
 * destination reading from, also not when the stream is destroyed; `source.close` comes after the last `fill`.
 * Threads: one.
 */
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checkObject } from '../arguments';
import { tellsWhenDone } from './destinations';
import { invalidState, prematureClose } from './errors';
import { type ChunkOptions, type Lender, lenderOf } from './lender';
import { ReadAhead } from './read-ahead';
import { type Destination, Sink } from './sink';
import { type ChunkSource, checkSource } from './source';

/** Options of `PooledReadable`. */
export interface PooledReadableOptions extends ChunkOptions {
  /** Destroys the stream with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Options of `pipeTo`. */
export interface PipeToOptions {
  /** Whether the destination is ended when everything is written. Default: true. */
  end?: boolean | undefined;
  /** Ends it: both streams are destroyed. */
  signal?: AbortSignal | undefined;
}

interface Joining {
  readonly destination: NodeJS.WritableStream;
  readonly options: { end?: boolean | undefined } | undefined;
}

type Mode = 'idle' | 'joining' | 'pooled' | 'ordinary';

export class PooledReadable extends Readable {
  readonly #source: ChunkSource;
  readonly #lender: Lender;
  #mode: Mode = 'idle';
  #joining: Joining | null = null;
  /** Where pooled chunks go, until `unpipe`. */
  #destination: NodeJS.WritableStream | null = null;
  /** What `pipeTo` vouches for. */
  #trusted: unknown = null;
  /** Settled when nobody uses the source. */
  #busy: Promise<unknown> = Promise.resolve();
  #bytesRead = 0;

  /**
   * @param source what fills the chunks; the stream's from here on, and closed by it.
   * @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE.
   */
  constructor(source: ChunkSource, options: PooledReadableOptions = {}) {
    checkSource(source);
    checkObject(options);
    const lender = lenderOf(options);
    super({ highWaterMark: lender.chunkBytes });
    this.#source = source;
    this.#lender = lender;
    if (options.signal !== undefined) {
      // Here and not by the option of Readable: that would destroy a stream whose fields are not there yet.
      addAbortSignal(options.signal, this);
    }
  }

  /** Bytes that consumers were given so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * As every Readable's, with one difference: to a socket, an HTTP message or a file of Node's own, chunks are pooled, each given back when
   * the destination has called back for it. If such a destination closes before the end, the stream is destroyed, and with it its file
   * closed; `pause()` does not hold it. `pipeline` uses this method.
   *
   * @throws Error ERR_INVALID_STATE where pooled chunks go elsewhere already.
   */
  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean | undefined }): T {
    if (this.#mode === 'idle' && this.#mayPool(destination)) {
      this.#mode = 'joining';
      this.#joining = { destination, options };
      process.nextTick(() => this.#start());
      return destination;
    }
    this.#leaveJoining();
    this.#refusePooled();
    return super.pipe(destination, endOption(options));
  }

  override unpipe(destination?: NodeJS.WritableStream): this {
    this.#leaveJoining();
    if (this.#destination !== null && (destination ?? this.#destination) === this.#destination) {
      const left = this.#destination;
      this.#destination = null;
      left.emit('unpipe', this, { hasUnpiped: false });
      return this;
    }
    return super.unpipe(destination);
  }

  /**
   * Writes everything to a Writable by pooled chunks. The caller vouches for it that **it holds a chunk no longer when it calls back for
   * it**: true of zlib's and crypto's streams, of HTTP/2 and of most Writables that are the end of a line; false of PassThrough, and of
   * whatever hands chunks on or collects them.
   *
   * @returns a promise of the end: everything written, and the destination finished.
   * @throws (the promise rejects) what `pipeline` of `node:stream/promises` throws, which destroys both streams; Error ERR_INVALID_STATE
   *   where the stream is being read already.
   */
  async pipeTo(destination: NodeJS.WritableStream, { end = true, signal }: PipeToOptions = {}): Promise<void> {
    this.#refuseUsed();
    this.#trusted = destination;
    await pipeline(this, destination, signal === undefined ? { end } : { end, signal });
  }

  /**
   * The chunks, each **valid until the next step**, as those of `fileChunks`. Leaving the loop destroys the stream.
   *
   * @throws at the first step Error ERR_INVALID_STATE where the stream is being read already; then what the source throws, and what the
   *   stream was destroyed with.
   */
  async *chunks(): AsyncGenerator<Buffer<ArrayBuffer>, void> {
    this.#refuseUsed();
    this.#mode = 'pooled';
    const ahead = new ReadAhead(this.#source, this.#lender);
    let released = (): void => undefined;
    this.#busy = new Promise<void>((resolve) => {
      released = resolve;
    });
    try {
      for (let chunk = await this.#next(ahead); chunk !== null; chunk = await this.#next(ahead)) {
        this.#bytesRead += chunk.length;
        yield chunk;
      }
    } finally {
      await ahead.release();
      released();
      this.destroy();
    }
  }

  override _read(): void {
    if (this.#mode === 'pooled') {
      return;
    }
    this.#leaveJoining();
    this.#mode = 'ordinary';
    this.#busy = this.#busy.then(() => this.#fillOrdinary());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#joining = null;
    this.#busy
      .then(() => this.#source.close())
      .then(
        () => callback(error),
        (closeError: Error) => callback(error ?? closeError),
      );
  }

  /** One chunk for consumers that own what they get. Never rejects. */
  async #fillOrdinary(): Promise<void> {
    if (this.destroyed) {
      return;
    }
    try {
      const mostBytes = Math.min(this.#source.leftBytes, this.#lender.chunkBytes);
      const buffer = Buffer.allocUnsafeSlow(mostBytes);
      const bytes = mostBytes === 0 ? 0 : await this.#source.fill(buffer, mostBytes);
      this.#bytesRead += bytes;
      this.push(bytes === 0 ? null : buffer.subarray(0, bytes));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #mayPool(destination: unknown): boolean {
    return !this.destroyed && !this.#watched && (destination === this.#trusted || tellsWhenDone(destination));
  }

  get #watched(): boolean {
    return this.listenerCount('data') > 0 || this.listenerCount('readable') > 0;
  }

  /** A pipe that has not begun becomes an ordinary one. */
  #leaveJoining(): void {
    const joining = this.#joining;
    if (joining !== null) {
      this.#joining = null;
      this.#mode = 'ordinary';
      super.pipe(joining.destination, endOption(joining.options));
    }
  }

  #start(): void {
    if (this.#joining === null) {
      return;
    }
    if (this.#watched) {
      this.#leaveJoining();
      return;
    }
    const { destination, options } = this.#joining;
    this.#joining = null;
    this.#mode = 'pooled';
    this.#destination = destination;
    if (options?.end !== false && destination !== process.stdout && destination !== process.stderr) {
      this.once('end', () => this.#destination?.end());
    }
    destination.emit('pipe', this);
    this.#busy = this.#pump(destination as Destination & NodeJS.WritableStream);
  }

  /** Moves pooled chunks until the end, `unpipe`, or the end of one of the streams. Never rejects. */
  async #pump(destination: Destination & NodeJS.WritableStream): Promise<void> {
    const ahead = new ReadAhead(this.#source, this.#lender);
    const sink = new Sink(destination);
    try {
      const finish = await this.#write(ahead, sink, destination);
      await ahead.release();
      finish();
    } catch (error) {
      await ahead.release();
      this.destroy(error as Error);
    } finally {
      sink.end();
    }
  }

  /** @returns what is to be done when the Buffers have gone back. */
  async #write(ahead: ReadAhead, sink: Sink, destination: NodeJS.WritableStream): Promise<() => void> {
    while (this.#destination === destination) {
      const chunk = await this.#next(ahead);
      if (chunk === null) {
        return () => this.#end();
      }
      if (this.#destination !== destination) {
        return this.#becomeOrdinary([Buffer.from(chunk), await ahead.rest()]);
      }
      this.#bytesRead += chunk.length;
      if (this.listenerCount('data') > 0) {
        // Listeners that came late: they own what they get, so theirs is a copy.
        this.emit('data', Buffer.from(chunk));
      }
      if (!(await sink.write(chunk))) {
        return () => this.destroy();
      }
    }
    return this.#becomeOrdinary([await ahead.rest()]);
  }

  async #next(ahead: ReadAhead): Promise<Buffer<ArrayBuffer> | null> {
    const chunk = this.destroyed ? null : await ahead.next();
    if (this.destroyed) {
      throw this.errored ?? prematureClose();
    }
    return chunk;
  }

  /** Nothing was pushed, so the end is what comes next. */
  #end(): void {
    this.push(null);
    this.resume();
  }

  /** After `unpipe`: what was read already is for the next consumer, in Buffers of its own. */
  #becomeOrdinary(read: readonly (Buffer | null)[]): () => void {
    return () => {
      this.#mode = 'ordinary';
      for (const chunk of read) {
        if (chunk !== null) {
          this.#bytesRead += chunk.length;
          this.push(chunk);
        }
      }
    };
  }

  #refuseUsed(): void {
    if (this.#mode !== 'idle' || this.#watched) {
      throw invalidState('the stream is being read already');
    }
  }

  #refusePooled(): void {
    if (this.#mode === 'pooled') {
      throw invalidState('the chunks of the stream go elsewhere already; pipe to both in the same turn');
    }
  }
}

function endOption(options: { end?: boolean | undefined } | undefined): { end?: boolean } {
  return { end: options?.end !== false };
}
