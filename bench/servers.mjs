/**
 * The example servers under load, the plain version and the pooled one in turn:
 *
 *     node bench/servers.mjs [--rounds 5] [--seconds 3] [--connections 16] [--only files-16k] [--json <file>] [--quick]
 *
 *     round 1:  files-16k: plain pooled   files-256k: plain pooled   ...   echo-64k: ws plain pooled   ...
 *     round 2:  the same again, the order of the versions turned by one
 *
 * Each measurement is a server in a process of its own, loaded from this one: HTTP by autocannon, WebSockets by load-echo.mjs. After a
 * warm-up the server counts its collections, processor time and memory. Medians over the rounds; ratios to the plain version are medians
 * of the ratios within a round. Server and load share the machine, so throughput is that of both; the processor time for a request
 * is the server's alone.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.mjs';
import { loadEcho } from './servers/load-echo.mjs';

const require = createRequire(import.meta.url);
const KIB = 1024;
const MIB = KIB * KIB;

const PLAIN = { name: 'plain', words: ['--plain'] };
const POOLED = { name: 'pooled', words: [] };
const PLAIN_256K = { name: 'plain, 256 KiB chunks', words: ['--plain', '--chunk', '262144'] };
const POOLED_256K = { name: 'pooled, 256 KiB chunks', words: ['--chunk', '262144'] };
const WS = { name: 'ws', words: ['--ws'] };

/** The first version is what the others are compared with. */
const FILES = { server: 'http-files.mjs', versions: [PLAIN, POOLED] };
const LONG_FILES = { server: 'http-files.mjs', versions: [PLAIN, POOLED, PLAIN_256K, POOLED_256K] };
const ECHO = { server: 'ws-echo.mjs', versions: [PLAIN, POOLED, WS] };
const CASES = [
  { id: 'files-16k', sizeBytes: 16 * KIB, connections: 16, ...FILES },
  { id: 'files-256k', sizeBytes: 256 * KIB, connections: 16, ...LONG_FILES },
  { id: 'files-8m', sizeBytes: 8 * MIB, connections: 4, ...LONG_FILES },
  { id: 'echo-1k', sizeBytes: KIB, connections: 16, ...ECHO },
  // A little less than 64 KiB: with its header it fits into one read.
  { id: 'echo-64k', sizeBytes: 65_000, connections: 16, ...ECHO },
  { id: 'echo-1m', sizeBytes: MIB, connections: 4, ...ECHO },
];

function readOptions() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      node: { type: 'string', default: process.execPath },
    },
  });
  const only = values.only ?? [];
  const cases = CASES.filter(
    ({ id }) => only.length === 0 || only.some((name) => id === name || id.startsWith(`${name}-`)),
  );
  if (cases.length === 0) {
    throw new Error(`there is no case ${only.join(', ')}; there are ${CASES.map(({ id }) => id).join(', ')}`);
  }
  return {
    cases,
    rounds: positive('--rounds', values.rounds, values.quick ? 1 : 5),
    durationMs: positive('--seconds', values.seconds, values.quick ? 0.3 : 3) * 1000,
    connections: values.connections === undefined ? null : positive('--connections', values.connections),
    json: values.json,
    node: values.node,
  };
}

function positive(option, text, otherwise) {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0 && value < 10_000)) {
    throw new Error(`${option} takes a number above 0, not '${text}'`);
  }
  return value;
}

/** A server in a process of its own. */
class Server {
  #child;

  constructor(node, file, words) {
    const options = { execPath: node, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] };
    this.#child = fork(path.join(import.meta.dirname, 'servers', file), words, options);
  }

  /** @returns its next message. @throws where it ends instead. */
  async answer(command) {
    if (command !== undefined) {
      this.#child.send(command);
    }
    const ended = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`the server ended (${signal ?? `exit code ${code}`})`);
    });
    const [message] = await Promise.race([once(this.#child, 'message'), ended]);
    return message;
  }

  async end() {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

async function loadFiles({ port, connections, durationMs, sizeBytes }) {
  const autocannon = require('autocannon');
  const url = `http://127.0.0.1:${port}/file`;
  const result = await autocannon({ url, connections, duration: durationMs / 1000, sampleInt: 100 });
  return {
    // By bytes, so that answers which the end of the time cuts short count as what they were.
    requests: result.throughput.total / sizeBytes,
    durationMs: result.duration * 1000,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.timeouts + result.non2xx,
  };
}

async function measure(one, version, settings, folder) {
  const isFiles = one.server === 'http-files.mjs';
  const server = new Server(settings.node, one.server, isFiles ? [folder(one), ...version.words] : version.words);
  const { port } = await server.answer();
  const load = isFiles ? loadFiles : loadEcho;
  const { sizeBytes } = one;
  const connections = settings.connections ?? one.connections;
  await load({ port, connections, durationMs: settings.durationMs / 3, sizeBytes });
  await server.answer('start');
  const loaded = await load({ port, connections, durationMs: settings.durationMs, sizeBytes });
  const cost = await server.answer('stop');
  await server.end();
  return { ...loaded, ...cost };
}

/** @returns the directory that is served: one file, whose bytes are not all the same. */
function makeFolders() {
  const base = mkdtempSync(path.join(tmpdir(), 'hakmem-servers-'));
  const folder = ({ id, sizeBytes }) => {
    const directory = path.join(base, id);
    if (!existsSync(directory)) {
      mkdirSync(directory);
      writeFileSync(
        path.join(directory, 'file'),
        Uint8Array.from({ length: sizeBytes }, (_, n) => n % 251),
      );
    }
    return directory;
  };
  return { folder, remove: () => rmSync(base, { recursive: true }) };
}

async function measureAll(settings) {
  const { folder, remove } = makeFolders();
  const cells = settings.cases.map((one) => ({
    case: one.id,
    versions: one.versions.map(({ name }) => ({ name, results: [] })),
  }));
  try {
    for (let round = 0; round < settings.rounds; round++) {
      for (const [at, one] of settings.cases.entries()) {
        for (let turn = 0; turn < one.versions.length; turn++) {
          const which = (turn + round) % one.versions.length;
          cells[at].versions[which].results.push(await measure(one, one.versions[which], settings, folder));
        }
        process.stderr.write(`round ${round + 1} of ${settings.rounds}: ${one.id}\n`);
      }
    }
  } finally {
    remove();
  }
  return cells;
}

const FIGURES = [
  [
    'requests/s',
    ({ requests, durationMs }) => (requests / durationMs) * 1000,
    (value) => value.toFixed(value < 100 ? 1 : 0),
  ],
  ['p50 ms', ({ p50Ms }) => p50Ms, (value) => value.toFixed(1)],
  ['p99 ms', ({ p99Ms }) => p99Ms, (value) => value.toFixed(1)],
  ['CPU us/request', ({ cpuMs, requests }) => (cpuMs * 1000) / requests, (value) => value.toFixed(0)],
  ['GC count', ({ collections }) => total(collections, 'count'), (value) => value.toFixed(0)],
  [
    'GC us/request',
    ({ collections, requests }) => (total(collections, 'ms') * 1000) / requests,
    (value) => value.toFixed(1),
  ],
  ['peak MiB', ({ peakResidentBytes }) => peakResidentBytes / MIB, (value) => value.toFixed(0)],
  ['final MiB', ({ residentIdleBytes }) => residentIdleBytes / MIB, (value) => value.toFixed(0)],
];

function total(collections, field) {
  return Object.values(collections ?? {}).reduce((sum, kind) => sum + kind[field], 0);
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns rows of one case: its versions, and each but the first as ratios to the first. */
function rowsOf({ case: id, versions }) {
  const rows = versions.map(({ name, results }) => ({
    label: `${id} ${name}`,
    values: FIGURES.map(([, of, text]) => text(median(results.map(of)))),
  }));
  const [base, ...others] = versions;
  const ratios = others.map(({ name, results }) => ({
    label: `  ${name} / ${base.name}`,
    values: FIGURES.map(([, of]) => {
      const ratio = median(results.map((result, round) => of(result) / of(base.results[round])));
      return Number.isFinite(ratio) ? ratio.toFixed(2) : '-';
    }),
  }));
  return [...rows, ...ratios];
}

async function main() {
  const settings = readOptions();
  const machine = describeMachine();
  const cells = await measureAll(settings);
  if (settings.json !== undefined) {
    writeFileSync(settings.json, `${JSON.stringify({ machine, settings, cells }, null, 1)}\n`);
  }
  const { tableLines } = require('../dist/cli/table.js');
  const table = { columns: FIGURES.map(([title]) => title), rows: cells.flatMap(rowsOf) };
  process.stdout.write(`${tableLines(table, process.stdout.columns ?? 140).join('\n')}\n`);
  const results = cells.flatMap(({ versions }) => versions.flatMap((version) => version.results));
  const errors = results.reduce((sum, result) => sum + result.errors, 0);
  const left = results.reduce((sum, result) => sum + result.liveBuffers, 0);
  process.stdout.write(`${errors} errors, ${left} Buffers not given back\n`);
  process.exitCode = errors > 0 || left > 0 ? 1 : 0;
}

main().catch((error) => {
  process.stderr.write(`servers: ${error.message}\n`);
  process.exitCode = 2;
});
