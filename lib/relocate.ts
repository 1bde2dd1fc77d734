/**
 * How `realloc` decides between a Buffer's block and another one, and how the contents get there.
 *
 * Large ones go by the page tables where the backend can do that: growing 1 MiB to 64 MiB by a MiB at a time then takes a twentieth
 * (bench/realloc.mjs). Views of the old block stay valid: the heap keeps its addresses, and they show other pages.
 *
 * Threads: the one whose pool it is.
 */
import type { Heap } from './backend/contract';
import type { Magazine } from './magazine';
import { sizeClassOf } from './size-class';
import { Stamp } from './stamp';

/** Contents are moved from here on, and not copied; it takes blocks that have their pages for themselves. */
const MOVED_BYTES = 2 ** 20;

/** No system has larger pages. */
const PAGE_BYTES_MAX = 65_536;

/** Whether a block may stay where it is at a new size. */
export function fitsWell({ blockSizeBytes, sizeClass }: Magazine, size: number): boolean {
  return size <= blockSizeBytes && (size >= blockSizeBytes / 2 || sizeClassOf(size) === sizeClass);
}

/**
 * @param from live, of a pool over the heap; its contents are undefined afterwards.
 * @param to likewise; gets as many bytes as fit.
 * @param clean whether what follows them in `to` is zero, and must stay so.
 */
export function relocate(heap: Heap, from: Buffer, to: Buffer, clean: boolean): void {
  const lengthBytes = Math.min(from.length, to.length);
  if (lengthBytes < MOVED_BYTES || !heap.move(blockOf(from), blockOf(to), lengthBytes)) {
    to.set(lengthBytes === from.length ? from : new Uint8Array(from.buffer, from.byteOffset, lengthBytes));
  } else if (clean) {
    // With the last page came what lay behind the old Buffer.
    Uint8Array.prototype.fill.call(to, 0, lengthBytes, lengthBytes + PAGE_BYTES_MAX);
  }
}

function blockOf(buffer: Buffer): number {
  return Stamp.liveMagazineOf(buffer)?.blockOf(Stamp.idOf(buffer)) ?? -1;
}
