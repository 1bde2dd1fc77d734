/*
 * scripts/layers.mjs finds each kind of breach: a small tree in order, then one thing wrong at a time.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = join(__dirname, '..', '..', 'scripts', 'layers.mjs');

const IN_ORDER = {
  'native/core/README.md':
    '| layer | files | what |\n|---|---|---|\n| L0 | config bits | a |\n| L1 | os | b |\n| L2 | heap slab | c |\n',
  'native/core/sources.txt': 'os_linux.c\nheap.c\n',
  'native/core/config.h': '#include "hakmem.h"\n#if defined(__GNUC__)\n#endif\n',
  'native/core/bits.h': '#include "config.h"\n',
  'native/core/os_linux.c': '#if defined(__linux__)\n#include "bits.h"\n#endif\n',
  'native/core/slab.h': '#include "bits.h"\n#if HAK_CHECKED\n#endif\n',
  'native/core/heap.c': '/* #include "heap.c" and #ifdef __GNUC__ in a comment */\n#include "slab.h"\n',
  'native/binding/addon.cc': '#include <napi.h>\n#include "hakmem.h"\n#include "addon.h"\n',
  'native/binding/addon.h': '',
  'native/preload/malloc.c': '#include "hakmem.h"\n',
  'lib/index.ts': "import { Heap } from './backend/ts/heap';\nimport { a } from './pool';\n",
  'lib/index.mts': "export { a } from './index.js';\n",
  'lib/pool.ts': "import type { b } from './index';\nimport { type b as c } from './index';\nexport const a = 1;\n",
  'lib/backend/contract.ts': '',
  'lib/size-class.ts': '',
  'lib/backend/ts/heap.ts': "import { type x, y } from '../contract';\nimport { z } from '../../size-class';\n",
};

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hakmem-layers-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** @returns the lines of breaches in the small tree with `changes` made to it. */
function breaches(changes: Record<string, string>): string[] {
  for (const [file, text] of Object.entries({ ...IN_ORDER, ...changes })) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  const result = spawnSync(process.execPath, [script, directory], { encoding: 'utf8' });
  const lines = result.stderr.split('\n').filter(Boolean);
  expect(result.status).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

test('a tree in order has no breach', () => {
  expect(breaches({})).toEqual([]);
});

test.each([
  ['a higher layer', { 'native/core/bits.h': '#include "slab.h"\n' }, 'bits.h (L0): includes slab.h (L2)'],
  ['a cycle in a layer', { 'native/core/config.h': '#include "bits.h"\n' }, 'native/core: cycle'],
  ['a .c', { 'native/core/heap.c': '#include "os_linux.c"\n' }, 'heap.c: includes os_linux.c'],
  ['a file of no layer', { 'native/core/stray.h': '' }, 'stray.h: no layer'],
  ['a source not listed', { 'native/core/heap_more.c': '' }, 'heap_more.c: not in sources.txt'],
  [
    'a listed source that is not there',
    { 'native/core/sources.txt': 'os_linux.c heap.c gone.c\n' },
    'there is no gone.c',
  ],
  [
    'the compiler above L1',
    { 'native/core/slab.h': '#ifdef __clang__\n#endif\n' },
    'slab.h:1 (L2): asks for __clang__',
  ],
  [
    'the core in the binding',
    { 'native/binding/addon.cc': '#include "slab.h"\n' },
    'binding/addon.cc: includes slab.h',
  ],
  ['the core in the preload library', { 'native/preload/malloc.c': '#include "../core/slab.h"\n' }, 'preload/malloc.c'],
  ['an import cycle', { 'lib/pool.ts': "import { b } from './index';\n" }, 'import cycle'],
  ['a front end in a backend', { 'lib/backend/ts/heap.ts': "import { a } from '../../pool';\n" }, 'imports lib/pool'],
  ['anything in a leaf', { 'lib/size-class.ts': "export * from './pool';\n" }, 'lib/size-class: imports lib/pool'],
])('finds %s', (_, changes, expected) => {
  const found = breaches(changes);
  expect(
    found.some((line) => line.includes(expected)),
    found.join('\n'),
  ).toBe(true);
});
