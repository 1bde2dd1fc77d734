/**
 * Writes chunks one after the other, each when the destination is done with the one before.
 *
 * One at a time loses nothing: the next chunk is read meanwhile, and the system's own buffer keeps a socket busy.
 *
 * An HTTP message whose connection is gone may never call back for what still waited for it; there, and only there, 'close' says the same:
 * it comes after the socket's, and then nobody writes any more. Any other Writable calls back, by contract, and until then may be writing.
 *
 * Threads: one.
 */
import { OutgoingMessage } from 'node:http';

/** What it needs of a Writable. */
export interface Destination {
  readonly destroyed?: boolean;
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

export class Sink {
  readonly #destination: Destination;
  readonly #onClose = (): void => this.#settle(false);
  #settle: (written: boolean) => void = () => undefined;

  constructor(destination: Destination) {
    this.#destination = destination;
    if (destination instanceof OutgoingMessage) {
      destination.once('close', this.#onClose);
    }
  }

  /**
   * @param chunk the destination's until the promise is settled.
   * @returns whether it was written: false where the destination failed or is gone; its own events say why.
   * @throws what the destination's `write` throws.
   */
  write(chunk: Uint8Array): Promise<boolean> {
    const destination = this.#destination;
    if (destination.destroyed) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      this.#settle = resolve;
      destination.write(chunk, (error) => resolve(!error));
    });
  }

  /** To be called when there is nothing more to write. */
  end(): void {
    this.#destination.off('close', this.#onClose);
  }
}
