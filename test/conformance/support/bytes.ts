/** Contents of Buffers, compared by the engine rather than byte by byte. */

/** @returns whether every byte of the Buffer is this one. */
export function isFullOf(buffer: Buffer, byte: number): boolean {
  return buffer.equals(Buffer.alloc(buffer.length, byte));
}
