import { currentBackend } from '../../../lib/backend/select';

/**
 * The native backend tells where an ArrayBuffer starts; in the other one offsets say it all.
 * @returns bytes from the last multiple of the alignment to the Buffer's first.
 */
export function misalignment({ buffer, byteOffset }: Buffer, alignment: number): number {
  const toFirst = currentBackend().bytesToAlignment(buffer as ArrayBuffer, alignment);
  return (byteOffset + alignment - toFirst) % alignment;
}
