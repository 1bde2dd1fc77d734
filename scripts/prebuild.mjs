/*
 * prebuild: copies the build into prebuilds/<platform>-<arch>[-musl], where an installed package looks for it. npm runs it before
 * it packs. Publishing without a build is refused; packing is not, since an install from git on a machine without a
 * compiler packs too.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './tools.mjs';

const files = ['hakmem.node', 'libhakmem-preload.so'];

/** @returns whether there was a build to copy. */
export function copyBuild(from = join(root, 'build', 'Release'), arch = process.arch) {
  const to = join(root, 'prebuilds', `${process.platform}-${arch}${usesMusl() ? '-musl' : ''}`);
  if (!files.every((file) => existsSync(join(from, file)))) return false;
  mkdirSync(to, { recursive: true });
  for (const file of files) {
    // Put in place whole: a process that has the old file loaded keeps it, one that loads now finds either.
    const copy = join(to, `${file}.${process.pid}`);
    copyFileSync(join(from, file), copy);
    renameSync(copy, join(to, file));
  }
  return true;
}

function usesMusl() {
  return process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !copyBuild()) {
  console.error('hakmem: there is no native build to pack (npm run build:native makes it)');
  if (process.env.npm_command === 'publish') process.exit(1);
}
