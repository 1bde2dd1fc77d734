/** Quantities as people read them. Pure functions. */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @returns for instance '512 B', '1.5 KiB', '99.7 MiB', '260 MiB': three figures that count. */
export function bytesText(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1023.5 && unit < BINARY.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${figures(value)} ${BINARY[unit]}`;
}

/** @returns for instance '0.42 ms', '38 ms', '1.63 s'. */
export function timeText(timeMs: number): string {
  return timeMs >= 1000 ? `${figures(timeMs / 1000)} s` : `${figures(timeMs)} ms`;
}

/** @returns for instance '12,345'. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** @returns for instance '1 file', '3 files'. */
export function plural(count: number, what: string): string {
  return `${countText(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** @returns the middle value; of an even number the mean of the two in the middle; of none 0. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : sorted.length === 0 ? 0 : (sorted[half - 1] + sorted[half]) / 2;
}

function figures(value: number): string {
  if (value >= 99.95 || Number.isInteger(value)) {
    return countText(value);
  }
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
