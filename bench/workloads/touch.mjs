/**
 * What every workload does with a Buffer: write both ends, read them back.
 *
 * The bytes read go into a sum that is known beforehand. So no loop can be optimised away unnoticed, and no contender can
 * hand out memory that does not hold what is written or is shorter than asked for.
 */

/** Writes the tag of operation `n` to both ends. @returns what is read there. */
export function touch(buffer, size, n) {
  buffer[0] = n;
  buffer[size - 1] = n;
  return buffer[0] + buffer[size - 1];
}

/** @returns whether both ends still hold the tag of operation `n`. */
export function intact(buffer, size, n) {
  return buffer[0] === (n & 255) && buffer[size - 1] === (n & 255);
}

/** @returns the sum of what `touch` returns for operations 0 to `count`, as a 32-bit integer. */
export function expectedSum(count) {
  const rest = count % 256;
  return (2 * (((count - rest) / 256) * 32_640 + (rest * (rest - 1)) / 2)) | 0;
}
