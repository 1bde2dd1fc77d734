/**
 * Where what is built of C lies:
 *
 *     prebuilds/<platform>-<arch>[-musl]/<file>     shipped in the package
 *     build/Release/<file>                          built on the spot
 *
 * Threads: any; nothing is kept.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE_ROOT = join(__dirname, '..');

/** @param root of the package. @returns where a file may lie, the first choice first. */
export function placesOf(file: string, root: string = PACKAGE_ROOT): string[] {
  return [join(root, 'prebuilds', prebuildName(), file), join(root, 'build', 'Release', file)];
}

/** @returns the directory of prebuilds/ for this machine. */
function prebuildName(): string {
  return `${process.platform}-${process.arch}${usesMusl() ? '-musl' : ''}`;
}

/** Whether this process runs on musl: then its program file names musl's loader, within its first page. */
function usesMusl(): boolean {
  if (process.platform !== 'linux') {
    return false;
  }
  try {
    return firstPage(process.execPath).includes('/ld-musl-');
  } catch {
    // A program file that cannot be read says nothing; glibc is the usual case, and a wrong addon does not load.
    return false;
  }
}

/** @returns the first page of a file; zeros behind its end. */
export function firstPage(path: string): Buffer {
  const head = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head;
}
