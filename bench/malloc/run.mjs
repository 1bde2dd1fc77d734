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

async function measure(options) {
  const workloads = chooseWorkloads(options);
  buildAll();
  const contenders = findContenders(options.peer, options.contender);
  const reference = chooseReference(contenders, options.reference);
  const cells = makeCells(workloads, contenders);
  const [machine, time] = [describeMachine(), new Date().toISOString()];
  await measureAll(cells, { ...options, workloads, contenders });
  const { rounds, quick, threads = null, instructions } = options;
  const variables = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^HAKMEM_(?!BENCH_)/.test(name)));
  return {
    schema: 1,
    time,
    machine,
    variables,
    settings: { rounds, quick, threads, instructions },
    reference,
    contenders,
    workloads: workloads.map(({ id, group, about, scales, threads: count }) => ({
      id,
      group,
      about,
      scales,
      threads: count,
    })),
    cells,
  };
}

function writeResults(results, output) {
  const file = path.resolve(output ?? path.join(RESULTS, `malloc-${results.time.replace(/[:.]/g, '-')}.json`));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  return file;
}

async function report(options) {
  const results = options.report ? JSON.parse(readFileSync(options.report, 'utf8')) : await measure(options);
  const file = options.report ? path.resolve(options.report) : writeResults(results, options.output);
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
