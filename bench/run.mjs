/**
 * `npm run bench`: every contender at every workload on every runtime, in fresh processes, interleaved, several rounds.
 *
 *     round 1:  workload A: runtime 1: view node native ...   runtime 2: view node ...     workload B: ...
 *     round 2:  the same again, the order of contenders turned by one
 *
 * Prints medians and their ratios; writes every raw figure with commit, machine and runtimes to bench/results/, and a report
 * beside it that opens in a browser. `npm run bench -- malloc` measures C programs instead (malloc/run.mjs),
 * `npm run bench -- servers` programs under load (servers.mjs).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { launch } from './launch.mjs';
import { describeMachine } from './machine.mjs';
import { readOptions, USAGE, UsageError } from './options.mjs';

const require = createRequire(import.meta.url);
const BUILT = path.join(import.meta.dirname, '../dist/index.js');

/** One cell for each case, runtime and contender; one that cannot take part says why. */
function makeCells({ cases, contenders, runtimes }) {
  return cases.flatMap((one) =>
    runtimes.flatMap((runtime) =>
      contenders.map((contender) => ({
        case: one.id,
        runtime: runtime.name,
        contender: contender.name,
        absent: contender.excludes?.(one) || null,
        failed: null,
        results: [],
      })),
    ),
  );
}

/** @returns the cells in the order in which this round runs them. */
function roundOrder(cells, { contenders }, round) {
  const turned = [];
  for (let from = 0; from < cells.length; from += contenders.length) {
    const group = cells.slice(from, from + contenders.length);
    const at = round % group.length;
    turned.push(...group.slice(at), ...group.slice(0, at));
  }
  return turned;
}

async function measureAll(cells, options) {
  const { Progress } = require('../dist/cli/progress.js');
  const total = cells.length * options.rounds;
  const progress = new Progress(total);
  const startMs = performance.now();
  let passed = 0;
  for (let round = 0; round < options.rounds; round++) {
    for (const cell of roundOrder(cells, options, round)) {
      const left = passed > 0 ? `, ${leftText(((performance.now() - startMs) / passed) * (total - passed))}` : '';
      progress.begin(`${cell.runtime} ${cell.case} ${cell.contender} (round ${round + 1} of ${options.rounds}${left})`);
      if (cell.absent === null && cell.failed === null) {
        await measureCell(cell, options);
      }
      passed++;
      progress.advance(1);
    }
  }
  progress.end();
}

async function measureCell(cell, { contenders, runtimes, durationMs }) {
  const { backend, name } = contenders.find((contender) => contender.name === cell.contender);
  const runtime = runtimes.find((one) => one.name === cell.runtime);
  const task = { case: cell.case, contender: name, durationMs };
  const { result, absent = null, failed = null } = await launch(runtime, task, backend);
  cell.absent = absent;
  cell.failed = failed;
  if (result) {
    cell.results.push(result);
  }
}

/** Asks each runtime what it is. @throws where one cannot be started. */
async function describeRuntimes(runtimes) {
  const described = [];
  for (const runtime of runtimes) {
    const { result, failed } = await launch(runtime, { describe: true });
    if (!result) {
      throw new Error(`${runtime.name || 'this runtime'} (${runtime.path}) does not run: ${failed}`);
    }
    const title = `${result.runtime === 'bun' ? 'Bun' : 'Node'} ${result.version}`;
    described.push({ ...result, name: runtime.name || title, title, path: runtime.path });
  }
  return described;
}

async function measure(options) {
  const runtimes = await describeRuntimes(options.runtimes);
  const settings = { ...options, runtimes };
  const cells = makeCells(settings);
  const machine = describeMachine();
  const time = new Date().toISOString();
  await measureAll(cells, settings);
  const { rounds, durationMs, quick } = options;
  const variables = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^HAKMEM_(?!BENCH_)/.test(name)));
  return {
    schema: 2,
    time,
    machine,
    variables,
    settings: { rounds, durationMs, quick },
    runtimes,
    cases: options.cases.map(({ id, title, about, size = null }) => ({ id, title, about, size })),
    contenders: options.contenders.map(({ name, title, about }) => ({ name, title, about })),
    cells,
  };
}

function writeResults(results, options) {
  const base =
    options.output ?? path.join(import.meta.dirname, 'results', `${results.time.replace(/[:.]/g, '-')}.json`);
  const file = path.resolve(base);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  return file;
}

/** The benches that have options of their own. @returns whether the first argument named one. */
async function runOther([name, ...rest]) {
  if (name === 'malloc') await import('./malloc/run.mjs').then(({ runMalloc }) => runMalloc(rest));
  else if (name === 'servers') await runServers();
  else return false;
  return true;
}

async function runServers() {
  process.argv.splice(2, 1);
  await import('./servers.mjs');
}

async function main() {
  if (await runOther(process.argv.slice(2))) return;
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (!existsSync(BUILT)) {
    throw new Error('dist/ is missing: run `npm run build:ts` first');
  }
  const { reportLines } = await import('./report/text.mjs');
  const { writePage } = await import('./report/page.mjs');
  const results = options.report ? JSON.parse(readFileSync(options.report, 'utf8')) : await measure(options);
  const file = options.report ? path.resolve(options.report) : writeResults(results, options);
  const page = writePage(results, `${file.replace(/\.json$/, '')}.html`);
  process.stdout.write(`${reportLines(results, process.stdout.columns ?? 120).join('\n')}\n\n`);
  process.stdout.write(`raw results: ${path.relative('', file)}\nreport:      ${path.relative('', page)}\n`);
  process.exitCode = results.cells.some(({ failed }) => failed) ? 1 : 0;
}

function leftText(ms) {
  return ms < 90_000 ? `${Math.ceil(ms / 1000)} s left` : `${Math.ceil(ms / 60_000)} min left`;
}

main().catch((error) => {
  const usage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`bench: ${error.message}\n${usage ? "Try 'npm run bench -- --help'.\n" : ''}`);
  process.exitCode = usage ? 2 : 1;
});
