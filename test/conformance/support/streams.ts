/** Waiting for streams, and reading them in every way that there is. */
import fs from 'node:fs';
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

/** Ends a write, as `fs.write` calls back. */
export type EndOfWrite = (error: Error | null, bytesWritten?: number) => void;

/** A file of Node's own whose first write ends when the test says so, and writes nothing. */
export function heldFile(path: string): { to: fs.WriteStream; writing: Promise<EndOfWrite> } {
  let held = (_end: EndOfWrite): void => undefined;
  const writing = new Promise<EndOfWrite>((resolve) => {
    held = resolve;
  });
  const write = (...words: unknown[]): void => held(words.at(-1) as EndOfWrite);
  return { to: fs.createWriteStream(path, { fs: { ...fs, write } as never }), writing };
}
