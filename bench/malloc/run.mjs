/**
 * `npm run bench -- malloc`: programs under each malloc in turn, every run in a fresh process.
 *
 * Prints medians as ratios to one contender; writes every raw figure with commit and machine to bench/results/, and a report
 * beside it that opens in a browser. Where there is no compiler, or hakmem cannot stand in for malloc, it says so and ends well.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from '../machine.mjs';
import { buildAll, NotHereError } from './build.mjs';
import { chooseReference, findContenders } from './contenders.mjs';
import { makeCells, measureAll } from './measure.mjs';
import { chooseWorkloads, readOptions, USAGE } from './options.mjs';
import { writePage } from './page.mjs';
import { reportLines } from './text.mjs';

const RESULTS = path.join(import.meta.dirname, '../results');

/** Measures, and writes the results after each round: a long run that is interrupted is not lost. @returns the file. */
async function measure(options) {
  const workloads = chooseWorkloads(options);
  const contenders = findContenders(options.peer, options.contender);
  const reference = chooseReference(contenders, options.reference);
  buildAll();
  const results = {
    ...describe(options, workloads),
    reference,
    contenders,
    cells: makeCells(workloads, contenders),
  };
  const file = path.resolve(options.output ?? path.join(RESULTS, `malloc-${results.time.replace(/[:.]/g, '-')}.json`));
  mkdirSync(path.dirname(file), { recursive: true });
  await measureAll(results.cells, { ...options, workloads, contenders }, (rounds) => {
    results.settings.rounds = rounds;
    writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  });
  return file;
}

function describe({ quick, threads = null, instructions }, workloads) {
  const variables = Object.entries(process.env).filter(([name]) => /^HAKMEM_(?!BENCH_)/.test(name));
  return {
    schema: 1,
    time: new Date().toISOString(),
    machine: describeMachine(),
    variables: Object.fromEntries(variables),
    settings: { rounds: 0, quick, threads, instructions },
    workloads: workloads.map(({ id, group, about, scales, threads: count }) => ({
      id,
      group,
      about,
      scales,
      threads: count,
    })),
  };
}

async function report(options) {
  const file = options.report ? path.resolve(options.report) : await measure(options);
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const page = writePage(results, `${file.replace(/\.json$/, '')}.html`);
  process.stdout.write(`${reportLines(results, process.stdout.columns ?? 120).join('\n')}\n\n`);
  process.stdout.write(`raw results: ${path.relative('', file)}\nreport:      ${path.relative('', page)}\n`);
  process.exitCode = results.cells.some(({ failed }) => failed) ? 1 : 0;
}

/** @param argv the words after `malloc`. */
export async function runMalloc(argv) {
  const options = readOptions(argv);
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  try {
    await report(options);
  } catch (error) {
    if (!(error instanceof NotHereError)) {
      throw error;
    }
    process.stdout.write(`not measured: ${error.message}\n`);
  }
}
