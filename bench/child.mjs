/**
 * One measurement: one workload, one contender, in this process alone.
 *
 *     node child.mjs '{"case":"churn-64","contender":"native","durationMs":400}'
 *
 * The answer is one line of JSON on stdout, so that any runtime can be the child of any other: `{ result }` or `{ error }`.
 */
import { createRequire } from 'node:module';
import { CONTENDERS } from './contenders.mjs';
import { Loop, measureCalls, measureMean, measureRatio } from './measure/loop.mjs';
import { peakResidentBytes, resetPeak, residentBytes, restingBytes } from './measure/memory.mjs';
import { CASES } from './workloads/index.mjs';

// Not import: on Node 20 an error while a CommonJS module is imported is thrown a second time, where nobody can catch it.
const require = createRequire(import.meta.url);

async function measure(task) {
  const workload = CASES.find(({ id }) => id === task.case);
  const contender = CONTENDERS.find(({ name }) => name === task.contender);
  const hakmem = contender.backend === undefined ? undefined : require('../dist/index.js');
  const first = await import(`./workloads/${workload.module}.mjs`);
  resetPeak();
  const residentStartBytes = residentBytes();
  const measured = first.measure
    ? await first.measure(workload, { ...contender, hakmem }, task.durationMs)
    : await measurePair(first, workload, { ...contender, hakmem }, task.durationMs);
  const resting = await restingBytes();
  const pairedTimesView =
    (hakmem || contender.beside?.(workload)) && !first.measure
      ? await measureBesideView(workload, { ...contender, hakmem }, task)
      : null;
  return { ...measured, residentStartBytes, ...resting, pairedTimesView, backend: hakmem?.backend.name ?? null };
}

/** After all else: the views would count as memory of the contender. @returns times the bare view. */
async function measureBesideView(workload, contender, { durationMs }) {
  const view = CONTENDERS.find(({ name }) => name === 'view');
  const [loop, other] = await Promise.all([contender, view].map((one) => makeLoop(workload, one)));
  const ratio = await measureRatio(loop, other, workload, durationMs);
  loop.check(contender.overlaps);
  other.check(view.overlaps);
  return ratio;
}

async function makeLoop(workload, contender) {
  const { setUp, run } = await import(`./workloads/${workload.module}.mjs?beside-${contender.name}`);
  return new Loop(run, setUp(await contender.make(workload, contender.hakmem), workload));
}

async function measurePair(first, workload, contender, durationMs) {
  const pair = await contender.make(workload, contender.hakmem);
  const state = first.setUp(pair, workload);
  const loop = new Loop(first.run, state);
  const mean = await measureMean(loop, workload, durationMs);
  loop.check(contender.overlaps);
  const peak = peakResidentBytes();

  const second = await import(`./workloads/${workload.module}.mjs?calls`);
  const makeTimedLoop = (timed) => {
    state.pair = timed;
    return new Loop(second.run, state, loop.done);
  };
  const { loop: timedLoop, calls } = await measureCalls(makeTimedLoop, pair, durationMs / 2);
  state.pair = pair;
  second.drain(state);
  timedLoop.check(contender.overlaps);
  return { ...mean, calls, peakResidentBytes: peak };
}

function describeRuntime() {
  const { bun, node, v8 } = process.versions;
  return { runtime: bun ? 'bun' : 'node', version: bun ?? node, node, v8: bun ? null : v8, path: process.execPath };
}

async function answer() {
  const task = JSON.parse(process.argv[2]);
  try {
    return task.describe ? { result: describeRuntime() } : { result: await measure(task) };
  } catch (error) {
    return { error: { code: error.code ?? '', message: error.message } };
  }
}

process.stdout.write(`${JSON.stringify(await answer())}\n`, () => process.exit());
