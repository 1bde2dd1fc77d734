/*
 * version: the version stands in package.json; hakmem.h repeats it, because C needs it as macros.
 * `npm version` runs this to bring the header along; with --check it only compares, as the tests do.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tools.mjs';

const header = join(root, 'native/include/hakmem.h');
const [major, minor, patch] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version.split(/[.-]/);
const parts = { MAJOR: major, MINOR: minor, PATCH: patch };
const before = readFileSync(header, 'utf8');
const after = before.replace(
  /(#define HAK_VERSION_(MAJOR|MINOR|PATCH)) \d+/g,
  (_, start, part) => `${start} ${parts[part]}`,
);

if (before === after) {
  console.log(`version ${major}.${minor}.${patch}`);
} else if (process.argv.includes('--check')) {
  console.error('hakmem.h and package.json disagree about the version: run node scripts/version.mjs');
  process.exit(1);
} else {
  writeFileSync(header, after);
}
