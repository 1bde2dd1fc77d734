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
 *       |               |                     '--- unpipe, setEncoding, unshift ---> ordinary
 *       |               '--- second pipe, setEncoding, unshift, read, data, ... ---> ordinary
 *       '--- setEncoding, unshift, read, data, ... --------------------------------> ordinary
 *
 * A stream that stops being pooled is ordinary at once. Its pump may still be busy: with a chunk that the destination has, and with a fill
 * ahead. What it has read and not handed over is what the ordinary stream begins with.
 *
 * Invariants: a pooled chunk is never in the stream's own buffer; nothing goes back that the source may be writing to or the
 * destination reading from, also not when the stream is destroyed; `source.close` comes after the last `fill`, and does not wait for the
 * destination: a destroyed stream tells its error and closes its file while a chunk is still being written.
 * Threads: one.
 */
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checkKnown, checkObject } from '../arguments';
import { ClosingSource } from './closing-source';
import { tellsWhenDone } from './destinations';
import { invalidState, prematureClose } from './errors';
import { CHUNK_OPTIONS, type ChunkOptions, type Lender, lenderOf } from './lender';
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

export const POOLED_OPTIONS = [...CHUNK_OPTIONS, 'signal'] as const;
const PIPE_TO_OPTIONS: readonly (keyof PipeToOptions)[] = ['end', 'signal'];

/** A pipe of pooled chunks, or one that may become so. */
interface Piping {
  readonly mode: 'joining' | 'pooled';
  readonly destination: NodeJS.WritableStream;
  readonly options: { end?: boolean | undefined } | undefined;
}

/** Who reads the stream. Each pipe is an object of its own, so that a pump sees when its own is over. */
type State = { readonly mode: 'idle' | 'chunks' | 'ordinary' } | Piping;

const ORDINARY: State = { mode: 'ordinary' };

export class PooledReadable extends Readable {
  readonly #source: ChunkSource;
  readonly #lender: Lender;
  #state: State = { mode: 'idle' };
  /** What `pipeTo` vouches for. */
  #trusted: unknown = null;
  /** Settled when no pump uses the source. */
  #pumping: Promise<unknown> = Promise.resolve();
  /** What a pump has read and not handed over, null for the end: it comes before what the source still has. */
  #left: (Buffer | null)[] = [];
  #bytesRead = 0;

  /**
   * @param source what fills the chunks; the stream's from here on, and closed by it.
   * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; RangeError ERR_OUT_OF_RANGE.
   */
  constructor(source: ChunkSource, options: PooledReadableOptions = {}) {
    checkSource(source);
    checkObject(options);
    checkKnown(options, POOLED_OPTIONS);
    const lender = lenderOf(options);
    super({ highWaterMark: lender.chunkBytes });
    this.#source = new ClosingSource(source);
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
    if (this.#state.mode === 'idle' && this.#mayPool(destination)) {
      const joining: Piping = { mode: 'joining', destination, options };
      this.#state = joining;
      process.nextTick(() => this.#start(joining));
      return destination;
    }
    this.#leaveJoining();
    this.#refusePooled();
    return super.pipe(destination, endOption(options));
  }

  override unpipe(destination?: NodeJS.WritableStream): this {
    this.#leaveJoining();
    const state = this.#state;
    if (state.mode === 'pooled' && (destination ?? state.destination) === state.destination) {
      this.#leavePooled(state);
      // As Node does with the last destination.
      return this.pause();
    }
    return super.unpipe(destination);
  }

  /**
   * As every Readable's; the stream is an ordinary one from here on, also where it is piped already.
   *
   * @throws Error ERR_INVALID_STATE while `chunks()` reads.
   */
  override setEncoding(encoding: BufferEncoding): this {
    this.#becomeOrdinary();
    return super.setEncoding(encoding);
  }

  /**
   * As every Readable's; the stream is an ordinary one from here on, also where it is piped already.
   *
   * @throws Error ERR_INVALID_STATE while `chunks()` reads.
   */
  override unshift(chunk: unknown, encoding?: BufferEncoding): void {
    this.#becomeOrdinary();
    super.unshift(chunk, encoding);
  }

  /**
   * Writes everything to a Writable by pooled chunks. The caller vouches for it that **it holds a chunk no longer when it calls back for
   * it**: true of zlib's and crypto's streams, of HTTP/2 and of most Writables that are the end of a line; false of PassThrough, and of
   * whatever hands chunks on or collects them.
   *
   * @returns a promise of the end: everything written, and the destination finished.
   * @throws (the promise rejects) what `pipeline` of `node:stream/promises` throws, which destroys both streams; Error ERR_INVALID_STATE
   *   where the stream is being read already; TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, which change nothing.
   */
  async pipeTo(destination: NodeJS.WritableStream, options: PipeToOptions = {}): Promise<void> {
    checkObject(options);
    checkKnown(options, PIPE_TO_OPTIONS);
    this.#refuseUsed();
    const { end = true, signal } = options;
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
    this.#state = { mode: 'chunks' };
    const ahead = new ReadAhead(this.#source, this.#lender);
    try {
      for (let chunk = await this.#next(ahead); chunk !== null; chunk = await this.#next(ahead)) {
        this.#bytesRead += chunk.length;
        yield chunk;
      }
    } finally {
      await ahead.release();
      this.destroy();
    }
  }

  /** While a pump is busy this waits: the stream asks only once, and may have stopped being pooled by the time the pump is through. */
  override _read(): void {
    if (this.#state.mode === 'idle' || this.#state.mode === 'joining') {
      this.#becomeOrdinary();
    }
    this.#pumping = this.#pumping.then(() => this.#fillOrdinary());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#state.mode === 'joining') {
      this.#state = ORDINARY;
    }
    this.#source.close().then(
      () => callback(error),
      (closeError: Error) => callback(error ?? closeError),
    );
  }

  /** One chunk for consumers that own what they get. Never rejects. */
  async #fillOrdinary(): Promise<void> {
    if (this.destroyed || this.#state !== ORDINARY) {
      return;
    }
    try {
      const left = this.#left.shift();
      const chunk = left === undefined ? await this.#readOrdinary() : left;
      this.#bytesRead += chunk?.length ?? 0;
      this.push(chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** @returns null at the end. */
  async #readOrdinary(): Promise<Buffer | null> {
    const mostBytes = Math.min(this.#source.leftBytes, this.#lender.chunkBytes);
    const buffer = Buffer.allocUnsafeSlow(mostBytes);
    const bytes = mostBytes === 0 ? 0 : await this.#source.fill(buffer, mostBytes);
    return bytes === 0 ? null : buffer.subarray(0, bytes);
  }

  #mayPool(destination: unknown): boolean {
    return !this.destroyed && !this.#watched && (destination === this.#trusted || tellsWhenDone(destination));
  }

  get #watched(): boolean {
    return this.listenerCount('data') > 0 || this.listenerCount('readable') > 0;
  }

  /** Where chunks pass through the stream's own buffer and decoder from here on. Who it is piped to stays so, and gets them from there. */
  #becomeOrdinary(): void {
    const state = this.#state;
    if (state.mode === 'chunks') {
      this.#refusePooled();
    } else if (state.mode === 'idle') {
      this.#state = ORDINARY;
    } else if (state.mode === 'pooled' && !this.destroyed && !this.readableEnded) {
      this.#leavePooled(state);
      super.pipe(state.destination, endOption(state.options));
    }
    this.#leaveJoining();
  }

  /** A pipe that has not begun becomes an ordinary one. */
  #leaveJoining(): void {
    const state = this.#state;
    if (state.mode === 'joining') {
      this.#state = ORDINARY;
      super.pipe(state.destination, endOption(state.options));
    }
  }

  /** The pump sees it, and stops after the chunk that the destination has. */
  #leavePooled({ destination }: Piping): void {
    this.#state = ORDINARY;
    destination.emit('unpipe', this, { hasUnpiped: false });
  }

  #start(joining: Piping): void {
    if (this.#state !== joining) {
      return;
    }
    if (this.#watched) {
      this.#leaveJoining();
      return;
    }
    const { destination, options } = joining;
    const piping: Piping = { mode: 'pooled', destination, options };
    this.#state = piping;
    if (options?.end !== false && destination !== process.stdout && destination !== process.stderr) {
      this.once('end', () => this.#state === piping && destination.end());
    }
    // Not before the listeners of 'pipe' have been told.
    this.#pumping = Promise.resolve().then(() => this.#pump(piping));
    destination.emit('pipe', this);
  }

  /** Moves pooled chunks until the end, until the stream is pooled no longer, or the end of one of the streams. Never rejects. */
  async #pump(piping: Piping): Promise<void> {
    const ahead = new ReadAhead(this.#source, this.#lender);
    const sink = new Sink(piping.destination as Destination & NodeJS.WritableStream);
    try {
      const finish = await this.#write(ahead, sink, piping);
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
  async #write(ahead: ReadAhead, sink: Sink, piping: Piping): Promise<() => void> {
    while (this.#state === piping) {
      const chunk = await this.#next(ahead);
      if (this.#state !== piping) {
        return this.#leave([chunk && Buffer.from(chunk), ...(await ahead.rest())]);
      }
      if (chunk === null) {
        return () => this.#end();
      }
      const written = await this.#handOver(chunk, sink);
      // Whom the stream has left may fail as it likes.
      if (!written && this.#state === piping) {
        return () => this.destroy();
      }
    }
    return this.#leave(await ahead.rest());
  }

  /** @returns whether it was written, when the destination is done with it. */
  async #handOver(chunk: Buffer, sink: Sink): Promise<boolean> {
    this.#bytesRead += chunk.length;
    const written = sink.write(chunk);
    try {
      if (this.listenerCount('data') > 0) {
        // Listeners that came late: they own what they get, so theirs is a copy. What they unshift comes after this chunk, so it goes first.
        this.emit('data', Buffer.from(chunk));
      }
    } finally {
      // Also where a listener throws: until then the destination has the chunk.
      await written;
    }
    return written;
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

  /** What was read already is for the next consumer, in Buffers of its own. */
  #leave(read: (Buffer | null)[]): () => void {
    return () => {
      this.#left = read;
    };
  }

  #refuseUsed(): void {
    if (this.#state.mode !== 'idle' || this.#watched) {
      throw invalidState('the stream is being read already, or has an encoding');
    }
  }

  #refusePooled(): void {
    if (this.#state.mode === 'pooled' || this.#state.mode === 'chunks') {
      throw invalidState('the chunks of the stream go elsewhere already; pipe to both in the same turn');
    }
  }
}

function endOption(options: { end?: boolean | undefined } | undefined): { end?: boolean } {
  return { end: options?.end !== false };
}
