/** Waiting for streams, and reading them in every way that there is. */
import type { Readable, Writable } from 'node:stream';

export function closed(stream: Readable | Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) {
      resolve();
    } else {
      stream.once('close', () => resolve());
    }
  });
}

export async function collectByLoop(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
