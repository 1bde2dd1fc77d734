/**
 * Programs of real life, whose output must be the same under each malloc.
 *
 * Those that are ours, or that most machines have, need nothing; the others are looked for in a folder that whoever measures
 * prepares. README.md in this folder says how. What isn't there is left out.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../..');
const OWN = path.join(import.meta.dirname, 'programs');

/**
 * `{own}` is the folder of our scripts, `{from}` the prepared one, `{root}` this repository, `{scratch}` a fresh folder,
 * `{node}` the Node that runs this; `work` is how much to do, in full and in a quick run.
 */
const TABLE = [
  { id: 'python', about: 'python3: JSON, dictionaries, strings', line: 'python3 {own}/work.py', work: [6, 1] },
  {
    id: 'cc',
    about: 'the C compiler compiles the core',
    line: 'sh {own}/compile-core.sh {root}',
    work: [2, 1],
  },
  {
    id: 'sqlite',
    about: 'sqlite3 in memory: inserts, an index, joins, sorting',
    line: 'sqlite3 :memory:',
    stdin: '{own}/queries.sql',
  },
  { id: 'json', about: 'Node: JSON of many small objects', line: '{node} {own}/json.cjs', work: [30, 4] },
  {
    id: 'buffers',
    about: 'Node: churn of Buffers of 16 KiB to 8 MiB',
    line: '{node} {own}/buffers.cjs',
    work: [12_000, 300],
    rests: true,
  },
  {
    id: 'files',
    about: 'Node: an HTTP file server under eight clients; it alone is measured',
    line: '{node} {own}/files.mjs {node}',
    work: [4000, 200],
    driver: true,
  },
  {
    id: 'tsc',
    about: 'Node: the TypeScript compiler, version 5, builds this project',
    line: 'sh {own}/build-typescript.sh {node} {from}/node_modules/typescript/lib/tsc.js {root} {scratch}',
    needs: '{from}/node_modules/typescript/lib/tsc.js',
  },
  {
    id: 'sharp',
    about: 'Node: sharp resizes a batch of images',
    line: '{node} {own}/sharp.cjs {from}',
    work: [20, 3],
    rests: true,
    needs: '{from}/node_modules/sharp',
  },
  {
    id: 'redis',
    about: 'redis-server under redis-benchmark; its malloc alone is changed',
    line: '{node} {own}/redis.mjs {from}/redis/src',
    work: [400_000, 20_000],
    needs: '{from}/redis/src/redis-server',
    driver: true,
  },
];

/** @param from the prepared folder. @returns rows. */
export function programWorkloads(from, { quick }) {
  const fill = filler(path.resolve(from));
  return TABLE.map(({ id, about, line, stdin, work, needs, driver, rests }) => {
    const [program, ...args] = line.split(' ').map(fill);
    return {
      id: `run-${id}`,
      group: 'programs',
      about,
      command: [program, ...args, ...(work ? [String(work[quick ? 1 : 0])] : [])],
      ...(stdin && { stdin: fill(stdin) }),
      ...(driver && { driver }),
      ...(rests && { rests }),
      sameOutput: true,
      absent: absence(program, needs && fill(needs)),
    };
  });
}

function filler(from) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'hakmem-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const places = { own: OWN, from, root: ROOT, scratch, node: process.execPath };
  return (text) => text.replace(/\{(\w+)\}/g, (_, name) => places[name]);
}

function absence(program, needed) {
  if (needed && !existsSync(needed)) {
    return `${needed.split('/').slice(-3).join('/')} is not in the prepared folder`;
  }
  return spawnSync(program, ['--version']).error ? `${program} is not installed` : undefined;
}
