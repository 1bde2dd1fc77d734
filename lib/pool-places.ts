/**
 * Where the blocks of a pool lie; for tests and tools.
 *
 * Threads: the one whose pool it is.
 */
import type { BlockPlace, ChunkPicture } from './backend/contract';
import { magazineOwned, type Pool, tcacheOf } from './pool';
import { Stamp } from './stamp';

/** Where a live Buffer's block lies. @throws what `free` throws. */
export function placeOf(pool: Pool, buffer: Buffer): BlockPlace {
  const magazine = magazineOwned(pool, buffer);
  return tcacheOf(pool).heap.place(magazine.blockOf(Stamp.idOf(buffer)));
}

/** The chunks of a pool's heap in order of their creation. */
export function pictureOf(pool: Pool): ChunkPicture[] {
  return tcacheOf(pool).heap.picture();
}
