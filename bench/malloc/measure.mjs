/**
 * All workloads under all contenders, interleaved, round by round.
 *
 *     round 1:  workload A: glibc hakmem jemalloc ...   workload B: glibc hakmem jemalloc ...
 *     round 2:  workload A: hakmem jemalloc ... glibc   ...
 *
 * The order of contenders turns by one each round, so that none always has the same neighbour before it.
 */
import { createRequire } from 'node:module';
import { launch } from './launch.mjs';
import { readResult } from './workloads.mjs';

const require = createRequire(import.meta.url);
/** Under valgrind a program takes some fifty times as long. */
const COUNTED_LIMIT_MS = 3_600_000;
const VALGRIND = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null'];

/** @returns a cell for each workload and contender: `{ workload, contender, absent, failed, runs }`. */
export function makeCells(workloads, contenders) {
  return workloads.flatMap(({ id, absent = null }) =>
    contenders.map(({ name }) => ({ workload: id, contender: name, absent, failed: null, runs: [] })),
  );
}

/** Fills the cells. A cell that has failed once is not run again. @param onRound called after each round. */
export async function measureAll(cells, { workloads, contenders, rounds, instructions }, onRound) {
  const { Progress } = require('../../dist/cli/progress.js');
  const progress = new Progress(cells.length * rounds);
  const outputs = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const cell of inOrder(cells, contenders.length, round)) {
      progress.begin(`${cell.workload} ${cell.contender} (round ${round + 1} of ${rounds})`);
      const workload = workloads.find(({ id }) => id === cell.workload);
      const { library } = contenders.find(({ name }) => name === cell.contender);
      if (cell.absent === null && cell.failed === null) {
        await fill(cell, workload, { library, outputs, instructions });
      }
      progress.advance(1);
    }
    onRound(round + 1);
  }
  progress.end();
}

function inOrder(cells, length, round) {
  return cells.map((_, at) => {
    const first = at - (at % length);
    return cells[first + ((at + round) % length)];
  });
}

async function fill(cell, workload, { library, outputs, instructions }) {
  try {
    cell.runs.push(instructions ? await count(workload, library) : await time(workload, library, outputs));
  } catch (error) {
    cell.failed = error.message;
  }
}

async function time(workload, library, outputs) {
  const run = await launch(workload, library);
  const { elapsedMs, userMs, systemMs, peakBytes, idleBytes = null, timeMs, output, digest } = run;
  if (workload.sameOutput) {
    expectSame(outputs, workload.id, digest);
  }
  const more = workload.group === 'own' ? readResult(output) : {};
  return { timeMs, elapsedMs, userMs, systemMs, peakBytes, idleBytes, ...more };
}

/** What the first run printed counts; the system's malloc is the first contender. */
function expectSame(outputs, id, digest) {
  const first = outputs.get(id) ?? digest;
  outputs.set(id, first);
  if (first !== digest) {
    throw new Error('its output is not that of the first contender');
  }
}

/** Instructions of the whole program, by valgrind: the same each time, also on a machine that is not idle. */
async function count(workload, library) {
  const counted = { ...workload, timeMs: undefined, limitMs: COUNTED_LIMIT_MS };
  const { stderr } = await launch(counted, library, [...VALGRIND, ...workload.counted]);
  const [, collected] = /Collected : (\d+)/.exec(stderr) ?? [];
  if (collected === undefined) {
    throw new Error('valgrind counted nothing');
  }
  return { instructions: Number(collected) };
}
