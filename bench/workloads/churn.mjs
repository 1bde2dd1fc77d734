/**
 * Churn: allocate one Buffer, touch its two ends, free it; again and again. The shortest life a Buffer can have.
 *
 * The bytes written are read back into a checksum that the caller compares with `expected`, so no contender's loop can
 * be optimised away, nor can one hand out memory that does not hold what is written.
 */

export const name = 'churn';
export const sizes = [64, 4096, 65_536, 2 ** 20];

/** Operations `from` to `to`. @returns the checksum, going on from `sum`. */
export function run({ alloc, free }, from, to, sum) {
  for (let n = from; n < to; n++) {
    const buffer = alloc();
    const last = buffer.length - 1;
    buffer[0] = n;
    buffer[last] = n >> 8;
    sum = (Math.imul(sum, 31) + buffer[0] + buffer[last]) | 0;
    free(buffer);
  }
  return sum;
}

/** The same checksum without any Buffer. */
export function expected(to) {
  let sum = 0;
  for (let n = 0; n < to; n++) {
    sum = (Math.imul(sum, 31) + (n & 255) + ((n >> 8) & 255)) | 0;
  }
  return sum;
}
