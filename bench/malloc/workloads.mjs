/**
 * The workloads that are written here, as rows of the table of what is measured. A row:
 *
 *     { id, group, about, command: [program, ...arguments],
 *       stdin               a file to read, where the program needs one
 *       timeMs(output)      the time that counts, where it is not that of the whole run
 *       sameOutput          its output must be the same under each malloc
 *       brisk               its sleeping is cut short (see brisk.c)
 *       driver              measures by itself what it starts (see programs/measured-server.mjs)
 *       rests               says by itself what it took and what memory it has at rest (see programs/rest.cjs)
 *       counted             the command, of one thread and with the same work each time, whose instructions may be counted
 *       absent              why it cannot take part here }
 */
import { builtProgram } from './build.mjs';

/** Arguments stand in each program's file; those of a quick run make it take a tenth. */
const TABLE = [
  { name: 'larson', threads: 1, full: [300, 100_000], quick: [20, 100_000], counted: [5, 100_000] },
  { name: 'larson', threads: 2, full: [150, 100_000], quick: [10, 100_000] },
  { name: 'larson', threads: 4, full: [75, 100_000], quick: [5, 100_000] },
  { name: 'producer-consumer', threads: 2, full: [150_000], quick: [10_000] },
  { name: 'producer-consumer', threads: 4, full: [75_000], quick: [5_000] },
  { name: 'burst', threads: 1, full: [6, 262_144, 100], quick: [2, 65_536, 50], counted: [2, 16_384, 0] },
  { name: 'burst', threads: 4, full: [6, 65_536, 100], quick: [2, 16_384, 50] },
  { name: 'skewed', threads: 1, full: [12_000_000], quick: [1_000_000], counted: [500_000] },
  { name: 'skewed', threads: 2, full: [6_000_000], quick: [500_000] },
  { name: 'thread-churn', threads: 4, full: [3000], quick: [300] },
];

const ABOUT = {
  larson: 'a server: random blocks are replaced, and threads hand theirs to a successor and end',
  'producer-consumer': 'one thread of a pair only allocates, the other only frees',
  burst: 'grow, drop all but a few, idle, again; the time without that of idling',
  skewed: 'churn of mostly small blocks with most bytes in few large ones, up to 1 MiB',
  'thread-churn': 'threads that live for 500 allocations, and leave some to the next',
};

/** All threads of a scaling run of larson-shared hold so many blocks together, some 8 MB. */
const SHARED_BLOCKS = 16_000;

/**
 * A scaling run: operations of one thread, and where the threads share what is held, each one's part. What larson holds grows with its
 * threads, past any cache; with larson-shared more threads change nothing but who works.
 */
const SCALED = [
  { scales: 'larson', name: 'larson', full: [100, 100_000], quick: [5, 100_000] },
  {
    scales: 'larson-shared',
    name: 'larson',
    full: [100, 100_000],
    quick: [5, 100_000],
    share: (threads) => [Math.ceil(SHARED_BLOCKS / threads)],
  },
  { scales: 'producer-consumer', name: 'producer-consumer', full: [100_000], quick: [5_000] },
];

export function ownWorkloads({ quick }) {
  return TABLE.map(({ name, threads, full, quick: short, counted }) => ({
    ...row(name, threads, quick ? short : full),
    ...(counted && { counted: [builtProgram(name), threads, ...counted].map(String) }),
  }));
}

/** @param threads numbers of threads. @returns rows that do the same work in each thread. */
export function scalingWorkloads(threads, { quick }) {
  return SCALED.flatMap(({ scales, name, full, quick: short, share = () => [] }) =>
    threads.map((count) => ({
      ...row(name, count, [...(quick ? short : full), ...share(count)]),
      id: `${scales}-${count}`,
      scales,
      threads: count,
    })),
  );
}

function row(name, threads, args) {
  return {
    id: `${name}-${threads}`,
    group: 'own',
    about: `${ABOUT[name]}; ${threads} thread${threads === 1 ? '' : 's'}`,
    command: [builtProgram(name), threads, ...args].map(String),
    timeMs: (output) => readResult(output).seconds * 1000,
  };
}

/** What a workload prints: see print_result in workloads/support.h. */
export function readResult(output) {
  const [, operations, seconds] = /^(\d+) operations in ([\d.]+) s:/m.exec(output) ?? [];
  const [, idle] = /^idle: (\d+) bytes/m.exec(output) ?? [];
  if (seconds === undefined) {
    throw new Error(`a workload printed no result: ${output.slice(0, 200)}`);
  }
  return {
    operations: Number(operations),
    seconds: Number(seconds),
    idleBytes: idle === undefined ? null : Number(idle),
  };
}
