/**
 * The programs of the public mimalloc-bench suite, built by whoever measures; nothing of it is part of this repository.
 * README.md in this folder says how to obtain and build it.
 *
 * Some run for a fixed time and print how much they did. Their time is that of a fixed amount of work at that speed, as the
 * suite's own script reckons it, so that below is better everywhere.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';

const numberIn = (pattern) => (output) => {
  const found = pattern.exec(output);
  if (found === null) {
    throw new Error(`the program did not print what its speed is read from: ${output.slice(-200)}`);
  }
  return Number(found[1]);
};
const secondsPrinted = (pattern) => (output) => numberIn(pattern)(output) * 1000;
/** The time for `work` operations at the printed number of them. */
const timeFor = (work, pattern) => (output) => (work / numberIn(pattern)(output)) * 1000;

const larsonTime = secondsPrinted(/relative time: ([\d.]+)/);
const larson = (threads) => ({
  id: `larson-${threads}`,
  line: `larson 2 8 1000 5000 100 4141 ${threads}`,
  quick: `larson 1 8 1000 5000 100 4141 ${threads}`,
  timeMs: larsonTime,
});

/** `{suite}` stands for the suite's folder. `counted` is a shorter or the same line whose instructions may be counted. */
const TABLE = [
  {
    id: 'cfrac',
    line: 'cfrac 17545186520507317056371138836327483792789528',
    quick: 'cfrac 175451865205073170563711388363',
    counted: 'cfrac 175451865205073170563711388363274837927',
  },
  { id: 'espresso', line: 'espresso {suite}/bench/espresso/largest.espresso', counted: true },
  { id: 'barnes', line: 'barnes', stdin: '{suite}/bench/barnes/input', counted: true },
  larson(1),
  larson(2),
  larson(4),
  {
    id: 'larson-sized-2',
    line: 'larson-sized 2 8 1000 5000 100 4141 2',
    quick: 'larson-sized 1 8 1000 5000 100 4141 2',
    timeMs: larsonTime,
  },
  {
    id: 'xmalloc-test-2',
    line: 'xmalloc-test -w 2 -t 3 -s 64',
    quick: 'xmalloc-test -w 2 -t 1 -s 64',
    timeMs: secondsPrinted(/rtime: ([\d.]+)/),
  },
  { id: 'alloc-test-1', line: 'alloc-test 1', counted: true },
  { id: 'alloc-test-2', line: 'alloc-test 2' },
  { id: 'cache-scratch-1', line: 'cache-scratch 1 1000 1 2000000 2' },
  { id: 'cache-scratch-2', line: 'cache-scratch 2 1000 1 2000000 2' },
  { id: 'cache-thrash-1', line: 'cache-thrash 1 1000 1 2000000 2' },
  { id: 'cache-thrash-2', line: 'cache-thrash 2 1000 1 2000000 2' },
  { id: 'mstress-2', line: 'mstress 2 50 25', quick: 'mstress 2 50 5' },
  { id: 'mstress-4', line: 'mstress 4 50 25', quick: 'mstress 4 50 5' },
  // What it prints counts processor time alone.
  {
    id: 'rptest-2',
    line: 'rptest 2 0 1 2 500 1000 100 8 16000',
    timeMs: timeFor(2_000_000, /\.\.\.(\d+) memory ops/),
    brisk: true,
  },
  { id: 'glibc-simple', line: 'glibc-simple', counted: true },
  { id: 'glibc-thread-2', line: 'glibc-thread 2', timeMs: timeFor(1e9, /^(\d+) iterations/m) },
  { id: 'malloc-large', line: 'malloc-large' },
  { id: 'mleak-10', line: 'mleak 5' },
  { id: 'mleak-100', line: 'mleak 50' },
  { id: 'sh6bench-4', line: 'sh6bench 4' },
  { id: 'sh8bench-4', line: 'sh8bench 4' },
];

/** @param suite folder of the suite: its checkout. @returns rows; a program that is not built is absent. */
export function externalWorkloads(suite, { quick }) {
  const root = path.resolve(suite);
  return TABLE.map((entry) => ({
    id: `mb-${entry.id}`,
    group: 'external',
    about: `${entry.line.split(' ')[0]} of mimalloc-bench: ${entry.line}`,
    ...(entry.stdin && { stdin: inSuite(entry.stdin, root) }),
    ...(entry.timeMs && { timeMs: entry.timeMs }),
    ...(entry.brisk && { brisk: true }),
    ...commandOf(entry, root, quick),
  }));
}

function commandOf({ line, quick: short, counted }, root, quick) {
  const [name] = line.split(' ');
  const program = ['out/bench', 'out', '.'].map((folder) => path.join(root, folder, name)).find(existsSync);
  if (program === undefined) {
    return { command: [], absent: `${name} is not built in the suite's folder` };
  }
  const words = (text) => [
    program,
    ...text
      .split(' ')
      .slice(1)
      .map((word) => inSuite(word, root)),
  ];
  return {
    command: words((quick && short) || line),
    ...(counted && { counted: words(counted === true ? line : counted) }),
  };
}

function inSuite(word, root) {
  return word.replace('{suite}', root);
}
