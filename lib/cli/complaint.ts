/**
 * The end of what a program writes to standard error.
 *
 *     program ──┐
 *               ├── pipe ──> the last characters
 *     what it ──┘
 *     started
 *
 * The pipe ends when the last of them has closed it. The program may leave others behind that never do, so nobody waits for that.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

const LENGTH = 2000;

export class Complaint {
  readonly #pipe: Readable;
  #text = '';

  constructor(pipe: Readable) {
    this.#pipe = pipe;
    pipe.setEncoding('utf8').on('data', (text: string) => {
      this.#text = (this.#text + text).slice(-LENGTH);
    });
  }

  /** Call it when the program has ended. Whoever writes there later finds the pipe closed. @returns what came until then. */
  async end(): Promise<string> {
    // The first turn may be the one in which the program's end was seen; the second reads what lies in the pipe, which is all of it.
    await setImmediate();
    await setImmediate();
    if (!this.#pipe.closed) {
      this.#pipe.destroy();
      await once(this.#pipe, 'close');
    }
    return this.#text;
  }
}
