/**
 * The four calls on files that hakmem/io makes, as promises: the plain ones on descriptors, which cost less than those of a FileHandle.
 */
import { close, fstat, open, type PathLike, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';

export type { PathLike };

/** Opens a file. @returns its descriptor. @throws what `fs.promises.open` throws. */
export const openFile: (path: PathLike, flag: string | number) => Promise<number> = promisify(open);
export const closeFile: (descriptor: number) => Promise<void> = promisify(close);
export const statFile: (descriptor: number) => Promise<Stats> = promisify(fstat);

/** Part of a Buffer. */
export interface Span {
  readonly buffer: Buffer;
  readonly fromBytes: number;
  readonly lengthBytes: number;
}

/**
 * Reads into a Buffer, which the system may write to until this is settled.
 *
 * @param position in the file; null: where the last read ended.
 * @returns bytes read; 0 at the end of the file.
 */
export function readInto(descriptor: number, span: Span, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, span.buffer, span.fromBytes, span.lengthBytes, position, (error, bytesRead) => {
      if (error) {
        reject(error);
      } else {
        resolve(bytesRead);
      }
    });
  });
}
