/**
 * What a tape writes into its Buffers, so that a block handed out twice, moved or overwritten is seen.
 *
 * Each Buffer has a word of 32 bits, repeated over its whole length. Writing and checking all of it would cost more
 * than all the rest, so most Buffers get the word at their start, middle and end only, and one in sixteen everywhere.
 */
import { mix } from './random';

const WORD_BYTES = 4;

/** The word of a Buffer; another one each time it is written. */
export function wordOf(id: number, writes: number): number {
  return mix(Math.imul(id, 0x9e3779b9) + writes);
}

/** Where a Buffer is written and checked: pairs of from, to. */
function spans(word: number, sizeBytes: number): [number, number][] {
  if (word % 16 === 0 || sizeBytes <= 3 * WORD_BYTES) {
    return [[0, sizeBytes]];
  }
  const middle = sizeBytes >>> 1;
  return [
    [0, WORD_BYTES],
    [middle, middle + WORD_BYTES],
    [sizeBytes - WORD_BYTES, sizeBytes],
  ];
}

function byteAt(word: number, offset: number): number {
  return (word >>> ((offset % WORD_BYTES) * 8)) & 0xff;
}

/** Writes a Buffer's word into it. */
export function writePayload(buffer: Buffer, word: number): void {
  for (const [from, to] of spans(word, buffer.length)) {
    if (to - from > 64) {
      buffer.fill(patternOf(word), from, to);
      continue;
    }
    for (let offset = from; offset < to; offset++) {
      buffer[offset] = byteAt(word, offset);
    }
  }
}

/** @throws Error where a byte is not what was written when the Buffer had `sizeBytes`; it may be shorter or longer now. */
export function checkPayload(buffer: Buffer, word: number, sizeBytes: number): void {
  for (const [from, to] of spans(word, sizeBytes)) {
    const end = Math.min(to, buffer.length);
    if (end - from > 64) {
      checkWhole(buffer, word, end);
      continue;
    }
    for (let offset = from; offset < end; offset++) {
      mustBe(buffer[offset], byteAt(word, offset), offset);
    }
  }
}

function checkWhole(buffer: Buffer, word: number, end: number): void {
  const expected = Buffer.alloc(end, patternOf(word));
  if (buffer.compare(expected, 0, end, 0, end) !== 0) {
    const offset = expected.findIndex((byte, at) => byte !== buffer[at]);
    mustBe(buffer[offset], expected[offset], offset);
  }
}

function patternOf(word: number): Buffer {
  return Buffer.from([0, 1, 2, 3].map((offset) => byteAt(word, offset)));
}

function mustBe(actual: number, expected: number, offset: number): void {
  if (actual !== expected) {
    throw new Error(`byte ${offset} is ${actual}, expected ${expected}`);
  }
}
