/* What both sides of the storm do with Buffers. */

const SIZES = [10, 100, 500, 3000, 20_000, 70_000, 300_000, 2_500_000];

/** xorshift32 by Marsaglia 2003. */
export function randomFrom(seed) {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A Buffer whose bytes follow from its length. */
export function make(pool, random) {
  const size = SIZES[random(SIZES.length)] - random(9);
  return pool.allocUnsafe(size).fill(size & 255);
}

export function check(buffer) {
  if (!buffer.equals(Buffer.alloc(buffer.length, buffer.length & 255))) throw new Error('a Buffer was spoiled');
  return buffer;
}

/** @returns the Buffer, or nothing where it went with its pool or to somebody else. */
export function tryAdopt(pool, handle) {
  try {
    return check(pool.adopt(handle));
  } catch (error) {
    if (error.code === 'ERR_HAKMEM_MOVED' || error.code === 'ERR_HAKMEM_DESTROYED') return undefined;
    throw error;
  }
}
