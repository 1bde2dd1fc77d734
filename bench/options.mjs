/** What `npm run bench` can be told. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CONTENDERS } from './contenders.mjs';
import { CASES } from './workloads/index.mjs';

const FULL = { rounds: 3, durationMs: 200 };
const QUICK = { rounds: 2, durationMs: 100 };

const list = (rows) => rows.map(([name, about]) => `  ${name.padEnd(12)} ${about}`).join('\n');

export const USAGE = `Usage: npm run bench -- [options]
       npm run bench -- malloc [options]      C programs under each malloc; --help tells the options
       npm run bench -- servers [options]      the example servers under load: see bench/servers.mjs

  --quick               fewer workloads, two short rounds: under two minutes; without it under fifteen for two runtimes
  --runtimes <list>     runtimes to compare, each name=path, with commas between them, such as
                        node22=/opt/node22/bin/node,bun=/usr/bin/bun; each takes as long as the first.
                        Default: HAKMEM_BENCH_RUNTIMES, or the one that runs this
  --workload <name>     only this workload, or all whose names start so; may be given several times
  --contender <name>    only this contender; may be given several times
  --rounds <n>          rounds (default ${FULL.rounds})
  --duration <ms>       time for which the mean is measured in each process (default ${FULL.durationMs})
  --output <file>       where the raw results go, and beside them the report, with .html
                        (default bench/results/<time>.json)
  --report <file>       measure nothing: make the report again from raw results
  --help                this text

Contenders
${list(CONTENDERS.map(({ name, about }) => [name, about]))}

Workloads
${list(CASES.map(({ id, about }) => [id, about]))}
`;

export class UsageError extends Error {}

export function readOptions(argv = process.argv.slice(2), environment = process.env) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      runtimes: { type: 'string', default: environment.HAKMEM_BENCH_RUNTIMES ?? '' },
      workload: { type: 'string', multiple: true },
      contender: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      duration: { type: 'string' },
      output: { type: 'string' },
      report: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const defaults = values.quick ? QUICK : FULL;
  return {
    help: values.help,
    quick: values.quick,
    report: values.report,
    output: values.output,
    rounds: wholeNumber('--rounds', values.rounds, defaults.rounds),
    durationMs: wholeNumber('--duration', values.duration, defaults.durationMs),
    runtimes: readRuntimes(values.runtimes),
    cases: chosenCases(values.workload, values.quick),
    contenders: chosenContenders(values.contender),
  };
}

/** @returns `{ name, path }` for each runtime; without any the one that runs this. */
function readRuntimes(text) {
  if (text === '') {
    return [{ name: '', path: process.execPath }];
  }
  const runtimes = text.split(',').map((one) => {
    const at = one.indexOf('=');
    if (at < 1 || at === one.length - 1) {
      throw new UsageError(`--runtimes takes name=path, not '${one}'`);
    }
    // As the shell would have done had the path stood alone.
    const file = one.slice(at + 1).replace(/^~(?=\/)/, process.env.HOME ?? '~');
    return { name: one.slice(0, at), path: path.resolve(file) };
  });
  if (new Set(runtimes.map(({ name }) => name)).size < runtimes.length) {
    throw new UsageError('two runtimes have the same name');
  }
  return runtimes;
}

function chosenCases(wanted, quick) {
  if (wanted === undefined) {
    return CASES.filter((one) => one.quick || !quick);
  }
  for (const name of wanted) {
    if (!CASES.some(({ id }) => matches(id, name))) {
      throw new UsageError(`there is no workload '${name}'; there are ${CASES.map(({ id }) => id).join(', ')}`);
    }
  }
  return CASES.filter(({ id }) => wanted.some((name) => matches(id, name)));
}

function chosenContenders(wanted) {
  const names = CONTENDERS.map(({ name }) => name);
  const unknown = wanted?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no contender '${unknown}'; there are ${names.join(', ')}`);
  }
  return CONTENDERS.filter(({ name }) => wanted?.includes(name) ?? true);
}

/** 'churn' means all of them, 'churn-6' none. */
function matches(id, name) {
  return id === name || id.startsWith(`${name}-`);
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
