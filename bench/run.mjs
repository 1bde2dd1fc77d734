/**
 * `npm run bench`: every contender at every workload, in fresh processes, interleaved, several rounds.
 *
 *     round 1:  workload A: view node native ts fixed   workload B: view node ...
 *     round 2:  the same again, the order of contenders turned by one
 *
 * Prints medians and their ratios; writes every raw figure, with commit, Node's version and CPU, to bench/results/.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CONTENDERS } from './contenders.mjs';
import { describeMachine } from './machine.mjs';
import * as churn from './workloads/churn.mjs';

const WORKLOADS = [churn];
const HERE = path.dirname(fileURLToPath(import.meta.url));
const BUILT = path.join(HERE, '../dist/index.js');

const USAGE = `Usage: npm run bench -- [options]

  --quick               two short rounds, for a first look
  --rounds <n>          rounds (default 5)
  --duration <ms>       time that one measurement takes (default 400)
  --size <bytes>        only this size; may be given several times
  --contender <name>    only this contender; may be given several times
  --output <file>       where the raw results go (default bench/results/<time>.json)
  --help                this text

Contenders
${CONTENDERS.map(({ name, about }) => `  ${name.padEnd(8)} ${about}`).join('\n')}
`;

class UsageError extends Error {}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      duration: { type: 'string' },
      size: { type: 'string', multiple: true },
      contender: { type: 'string', multiple: true },
      output: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const names = CONTENDERS.map(({ name }) => name);
  const unknown = values.contender?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no contender '${unknown}'; there are ${names.join(', ')}`);
  }
  return {
    help: values.help,
    quick: values.quick,
    rounds: wholeNumber('--rounds', values.rounds, values.quick ? 2 : 5),
    durationMs: wholeNumber('--duration', values.duration, values.quick ? 120 : 400),
    sizes: values.size?.map((size) => wholeNumber('--size', size, 0)),
    contenders: CONTENDERS.filter(({ name }) => values.contender?.includes(name) ?? true),
    output: values.output,
  };
}

function wholeNumber(option, text, otherwise) {
  if (text === undefined) {
    return otherwise;
  }
  if (!/^[1-9]\d{0,9}$/.test(text)) {
    throw new UsageError(`${option} takes a whole number above 0, not '${text}'`);
  }
  return Number(text);
}

/** Runs one measurement in a process of its own. @returns its result, or { absent } where the backend cannot be had. */
function runOnce(task, backend) {
  const { HAKMEM_BACKEND: _inherited, ...environment } = process.env;
  const env = backend ? { ...environment, HAKMEM_BACKEND: backend } : environment;
  const child = fork(path.join(HERE, 'child.mjs'), { env });
  let answer = { error: { code: '', message: 'the process ended without a result' } };
  child.once('message', (message) => {
    answer = message;
  });
  child.send(task);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      if (answer.result) {
        resolve(answer.result);
      } else if (answer.error.code === 'ERR_HAKMEM_BACKEND') {
        resolve({ absent: answer.error.message });
      } else {
        reject(new Error(`${task.contender} at ${task.size} bytes: ${answer.error.message}`));
      }
    });
  });
}

/** One object a cell: workload, size, contender, and the results of all rounds. */
function makeCells({ sizes, contenders }) {
  return WORKLOADS.flatMap((workload) =>
    (sizes ?? workload.sizes).map((size) => ({
      workload: workload.name,
      size,
      runs: contenders.map(({ name, backend }) => ({ contender: name, backend, results: [], absent: undefined })),
    })),
  );
}

async function measureAll(cells, { rounds, durationMs }) {
  for (let round = 0; round < rounds; round++) {
    for (const { workload, size, runs } of cells) {
      for (const run of turned(runs, round).filter(({ absent }) => absent === undefined)) {
        note(`round ${round + 1} of ${rounds}: ${workload} ${size} ${run.contender}`);
        const result = await runOnce({ workload, size, contender: run.contender, durationMs }, run.backend);
        if (result.absent === undefined) {
          run.results.push(result);
        } else {
          run.absent = result.absent;
        }
      }
    }
  }
  note('');
}

function turned(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function note(text) {
  if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${text}`);
  }
}

function writeResults(cells, options) {
  const machine = describeMachine();
  const time = new Date().toISOString();
  const file = path.resolve(options.output ?? path.join(HERE, 'results', `${time.replace(/[:.]/g, '-')}.json`));
  mkdirSync(path.dirname(file), { recursive: true });
  const { rounds, durationMs } = options;
  writeFileSync(file, `${JSON.stringify({ time, machine, rounds, durationMs, cells }, null, 2)}\n`);
  return path.relative(process.cwd(), file);
}

async function main() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (!existsSync(BUILT)) {
    throw new Error('dist/ is missing: run `npm run build:ts` first');
  }
  const { reportLines } = await import('./report.mjs');
  const cells = makeCells(options);
  await measureAll(cells, options);
  process.stdout.write(`${reportLines(cells, options).join('\n')}\n`);
  process.stdout.write(`raw results: ${writeResults(cells, options)}\n`);
}

main().catch((error) => {
  const usage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`bench: ${error.message}\n${usage ? "Try 'npm run bench -- --help'.\n" : ''}`);
  process.exitCode = usage ? 2 : 1;
});
