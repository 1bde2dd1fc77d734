/** Files with contents that tell every byte's place, in a directory of the test file's own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** Bytes without a period that a chunk's length could hide. */
export function bytesOf(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  let state = 12_345;
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Files {
  readonly directory: string;
  /** @returns the path of a file with `bytesOf(lengthBytes)`. */
  file(lengthBytes: number): string;
}

/** Opens a directory that is gone when the tests of the file are done. */
export function openFiles(): Files {
  const directory = mkdtempSync(path.join(tmpdir(), 'hakmem-io-'));
  const made = new Map<number, string>();
  afterAll(() => rmSync(directory, { recursive: true }));
  return {
    directory,
    file(lengthBytes) {
      const known = made.get(lengthBytes);
      if (known !== undefined) {
        return known;
      }
      const file = path.join(directory, `${lengthBytes}.bin`);
      writeFileSync(file, bytesOf(lengthBytes));
      made.set(lengthBytes, file);
      return file;
    },
  };
}

/** @returns how many descriptors of this process are open on files below a directory; 0 where the system does not say. */
export function openBelow(directory: string): number {
  try {
    return readdirSync('/proc/self/fd').filter((descriptor) => targetOf(descriptor).startsWith(directory)).length;
  } catch {
    return 0;
  }
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}
