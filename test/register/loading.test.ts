/*
 * Register as programs load it: by --require and --import, on the command line and in NODE_OPTIONS, in worker threads, with limits
 * in the environment. Needs dist/ as `npm run build:ts` leaves it.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';

const dist = join(__dirname, '..', '..', 'dist');
const file = join(dist, 'register.js');
const module = pathToFileURL(join(dist, 'register.mjs')).href;
const winsHere = Number.parseInt(process.versions.node, 10) >= 24;

interface Report {
  thread: string;
  active: boolean;
  collections: number;
  ranges: { minBytes: number; maxBytes: number }[];
  reason: string;
  global: string;
}

/** Allocates enough for several collections, and prints the status. */
const REPORT = (thread: string) => `
  for (let i = 0; i < 1000; i++) Buffer.allocUnsafe(65536);
  const { status } = require(${JSON.stringify(file)});
  console.log(JSON.stringify({ thread: '${thread}', global: typeof gc, ...status() }));
`;

function node(flags: string[], env: Record<string, string>, program: string): Report[] {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(HAKMEM_|VITEST|NODE_OPTIONS)/.test(name));
  const text = execFileSync(process.execPath, [...flags, '-e', program], {
    encoding: 'utf8',
    env: { ...Object.fromEntries(inherited), ...env },
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Report);
}

const FORCE = { HAKMEM_REGISTER_FORCE: '1' };
const WAYS: [string, string[], Record<string, string>][] = [
  ['--require', ['--require', file], {}],
  ['--import', ['--import', module], {}],
  ['--require in NODE_OPTIONS', [], { NODE_OPTIONS: `--require ${file}` }],
  ['--import in NODE_OPTIONS', [], { NODE_OPTIONS: `--import ${module}` }],
  ['both at once', ['--require', file, '--import', module], {}],
];

test.each(WAYS)('by %s', (_, flags, env) => {
  const [report] = node(flags, { ...env, ...FORCE }, REPORT('main'));
  expect(report).toMatchObject({ active: true, global: 'undefined' });
  // 1000 times 64 KiB are 62.5 MiB: three times 16, and not twice as many because of two loaders.
  expect(report.collections).toBe(3);
});

test.each(WAYS.filter(([name]) => name.includes('require')))('in a worker, by %s', (_, flags, env) => {
  const program = `new (require('worker_threads').Worker)(${JSON.stringify(REPORT('worker'))}, { eval: true });`;
  const [report] = node(flags, { ...env, ...FORCE }, program);
  expect(report).toMatchObject({ thread: 'worker', active: true, collections: 3, global: 'undefined' });
});

test('with --expose-gc the flag and the global stay', () => {
  const program = `${REPORT('main')} console.log(JSON.stringify({ global: require('vm').runInNewContext('typeof gc') }))`;
  const [report, later] = node(['--expose-gc', '--require', file], FORCE, program);
  expect(report).toMatchObject({ active: true, collections: 3, global: 'function' });
  expect(later.global).toBe('function');
});

describe('what is left to Node', () => {
  test(winsHere ? 'nothing of the range, on this version' : 'everything, on this version', () => {
    const [report] = node(['--require', file], {}, REPORT('main'));
    expect(report.active).toBe(winsHere);
    expect(report.ranges).toStrictEqual(winsHere ? [{ minBytes: 4096, maxBytes: 8_388_608 }] : []);
    expect(report.reason).toMatch(winsHere ? /young collections/ : /left to Node: before version 24/);
  });

  test.each([
    ['shorter Buffers', { HAKMEM_REGISTER_MIN: '65537' }],
    ['longer Buffers', { HAKMEM_REGISTER_MAX: '65535' }],
  ])('%s', (_, limits) => {
    const [report] = node(['--require', file], { ...FORCE, ...limits }, REPORT('main'));
    expect(report).toMatchObject({ active: true, collections: 0 });
  });

  test('nothing to ask for: no range', () => {
    const limits = { HAKMEM_REGISTER_MIN: '2', HAKMEM_REGISTER_MAX: '1' };
    expect(node(['--require', file], { ...FORCE, ...limits }, REPORT('main'))[0].ranges).toStrictEqual([]);
  });
});
