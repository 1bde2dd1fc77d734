/** What `npm run bench -- malloc` can be told, and the rows that follow from it. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { UsageError } from '../options.mjs';
import { NotHereError } from './build.mjs';
import { externalWorkloads } from './external.mjs';
import { programWorkloads } from './programs.mjs';
import { ownWorkloads, scalingWorkloads } from './workloads.mjs';

const FULL_ROUNDS = 5;
const QUICK_ROUNDS = 1;
const MOST_THREADS = 1024;

export const USAGE = `Usage: npm run bench -- malloc [options]

Programs written in C under the system's malloc, hakmem, and every jemalloc, mimalloc and tcmalloc that is installed:
time and peak memory (Linux, with a C compiler).

  --peer <name>=<file>  another malloc, a library to preload; may be given several times
  --contender <name>    only this contender; may be given several times
  --reference <name>    who the others are divided by (default mimalloc3 if there is one, else the system's malloc)
  --external <dir>      programs of mimalloc-bench too, built in this folder (see bench/malloc/README.md)
  --programs <dir>      programs of real life too; the folder has what they need (see bench/malloc/README.md)
  --workload <name>     only this workload, or all of a group (own, external, programs), or all whose names start so;
                        may be given several times
  --threads <list>      scaling instead: larson and producer-consumer with these numbers of threads, such as 1,2,4,8,16
  --instructions        count instructions with valgrind instead, of the workloads that have one thread
  --rounds <n>          rounds (default ${FULL_ROUNDS}; quick ${QUICK_ROUNDS})
  --quick               less work, one round, for a first look
  --output <file>       where the raw results go, and beside them the report, with .html
                        (default bench/results/malloc-<time>.json)
  --report <file>       measure nothing: make the report again from raw results
  --help                this text
`;

export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      peer: { type: 'string', multiple: true, default: [] },
      contender: { type: 'string', multiple: true },
      reference: { type: 'string' },
      external: { type: 'string' },
      programs: { type: 'string' },
      workload: { type: 'string', multiple: true },
      threads: { type: 'string' },
      instructions: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      output: { type: 'string' },
      report: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.threads !== undefined && values.instructions) {
    throw new UsageError('--threads and --instructions are two different measurements');
  }
  const threads = values.threads?.split(',').map((text) => wholeNumber('--threads', text, MOST_THREADS));
  // Counts hardly differ from round to round.
  const otherwise = values.quick || values.instructions ? QUICK_ROUNDS : FULL_ROUNDS;
  const rounds = values.rounds === undefined ? otherwise : wholeNumber('--rounds', values.rounds, 1000);
  return { ...values, threads, rounds };
}

/** @returns the rows of what is measured. */
export function chooseWorkloads(options) {
  const all = options.threads ? scalingWorkloads(options.threads, options) : listAll(options);
  for (const name of options.workload ?? []) {
    if (!all.some((row) => matches(row, name))) {
      throw new UsageError(`there is no workload '${name}'; there are ${all.map(({ id }) => id).join(', ')}`);
    }
  }
  return all.filter((row) => options.workload?.some((name) => matches(row, name)) ?? true);
}

function listAll(options) {
  const all = [
    ...ownWorkloads(options),
    ...(options.external === undefined ? [] : externalWorkloads(options.external, options)),
    ...(options.programs === undefined ? [] : programWorkloads(options.programs, options)),
  ];
  if (!options.instructions) {
    return all;
  }
  if (spawnSync('valgrind', ['--version']).error) {
    throw new NotHereError('valgrind is not installed, and it counts the instructions');
  }
  return all.filter(({ counted }) => counted);
}

/** 'larson' means it with each number of threads, 'lars' none. */
function matches({ id, group }, name) {
  return group === name || id === name || id.startsWith(`${name}-`);
}

function wholeNumber(option, text, most) {
  if (!/^[1-9]\d*$/.test(text) || Number(text) > most) {
    throw new UsageError(`${option} takes whole numbers from 1 to ${most}, not '${text}'`);
  }
  return Number(text);
}
