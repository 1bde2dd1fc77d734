/**
 * The bytes of a file, or of a range of it, in their order. It is opened when the first of them are asked for, and closed as soon as the
 * last are there, while somebody is still busy with them.
 *
 * Threads: libuv's read; everything else is on the thread that made it.
 */
import { checkNumber, outOfRange } from '../errors';
import { closeFile, openFile, type PathLike, readInto } from './descriptor';
import type { ChunkSource } from './source';

/** Which part of a file, as in `fs.createReadStream`. */
export interface FileRange {
  /** The first byte, 0 or more. Default: where the file begins; what has no positions, as a pipe, takes only that. */
  start?: number | undefined;
  /** The last byte, included; `start` or more. Default: the last of the file. */
  end?: number | undefined;
  /** How the file is opened, as in `fs.open`. Default: 'r'. */
  flag?: string | number | undefined;
}

export const RANGE_OPTIONS = ['start', 'end', 'flag'] as const satisfies readonly (keyof FileRange)[];

export class FileSource implements ChunkSource {
  readonly #path: PathLike;
  readonly #flag: string | number;
  #position: number | null;
  #leftBytes: number;
  #descriptor: number | null = null;
  #closing: Promise<void> | null = null;

  /** @throws TypeError ERR_INVALID_ARG_TYPE; RangeError ERR_OUT_OF_RANGE. A bad path is found out when it is opened. */
  constructor(path: PathLike, { start, end, flag = 'r' }: FileRange) {
    checkRange(start, end);
    this.#path = path;
    this.#flag = flag;
    this.#position = start ?? null;
    this.#leftBytes = (end ?? Number.POSITIVE_INFINITY) - (start ?? 0) + 1;
  }

  get leftBytes(): number {
    return this.#leftBytes;
  }

  async fill(buffer: Buffer, mostBytes: number): Promise<number> {
    if (this.#leftBytes === 0) {
      return 0;
    }
    this.#descriptor ??= await openFile(this.#path, this.#flag);
    const span = { buffer, fromBytes: 0, lengthBytes: Math.min(mostBytes, this.#leftBytes) };
    const bytesRead = await readInto(this.#descriptor, span, this.#position);
    this.#advance(bytesRead);
    return bytesRead;
  }

  close(): Promise<void> {
    this.#leftBytes = 0;
    if (this.#closing === null) {
      this.#closing = this.#descriptor === null ? Promise.resolve() : closeFile(this.#descriptor);
      // Whoever waits for it sees the error; it is no unhandled one until then.
      this.#closing.catch(() => undefined);
    }
    return this.#closing;
  }

  #advance(bytesRead: number): void {
    this.#leftBytes -= bytesRead;
    if (this.#position !== null) {
      this.#position += bytesRead;
    }
    if (bytesRead === 0 || this.#leftBytes === 0) {
      void this.close();
    }
  }
}

function checkRange(start: unknown, end: unknown): void {
  for (const [name, value] of Object.entries({ start, end })) {
    if (value === undefined || (name === 'end' && value === Number.POSITIVE_INFINITY)) {
      continue;
    }
    checkNumber(value, name, 0, Number.MAX_SAFE_INTEGER);
    if (!Number.isInteger(value)) {
      throw outOfRange(name, 'an integer', value);
    }
  }
  if (typeof start === 'number' && typeof end === 'number' && start > end) {
    throw outOfRange('start', `<= "end" (here: ${end})`, start);
  }
}
