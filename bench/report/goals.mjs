/**
 * What hakmem promises of its speed, against what was measured in the same run.
 *
 * A promise that this run did not measure is left out; so are those about Buffer.allocUnsafe on runtimes other than Node.
 */

const OF_THE_VIEW = 1.4;
const OF_NATIVE = 1.2;
const FIXED_NS = 10;
const FIXED_TIMES = 4;

/** How many times as fast as Buffer.allocUnsafe; from Node 24 on its large Buffers cost mark-compact collections. */
const TIMES_OF_NODE = {
  'churn-64': { from20: 1.5, from24: 1.5 },
  'churn-4k': { from20: 20, from24: 5 },
  'churn-16k': { from20: 15, from24: 20 },
  'churn-64k': { from20: 20, from24: 60 },
  'churn-1m': { from20: 150, from24: 300 },
  'churn-8m': { from20: 600, from24: 1000 },
};

/** Workloads at which `allocUnsafe` and `free` shall cost little more than the view. */
const NEAR_THE_VIEW = /^(churn-|mixed$|fifo-)/;

/** @param rows of `summarise`. @returns `{ case, what, wanted, measured, met }` for one runtime. */
export function checkGoals(rows, runtime) {
  const of = (id, contender) => rows.find((row) => row.case === id && row.contender === contender && row.ns !== null);
  const ids = [...new Set(rows.map((row) => row.case))];
  return ids.flatMap((id) => {
    const [native, ts, fixed, node] = ['native', 'ts', 'fixed', 'node'].map((name) => of(id, name));
    return [
      NEAR_THE_VIEW.test(id) && native?.timesView && atMost(id, 'native / bare view', native.timesView, OF_THE_VIEW),
      NEAR_THE_VIEW.test(id) && ts?.timesView && atMost(id, 'ts / bare view', ts.timesView, OF_THE_VIEW),
      native && ts && id !== 'exchange' && atMost(id, 'ts / native', besideEachOther(ts, native), OF_NATIVE),
      id.startsWith('churn-') && fixed && atMost(id, 'fixed pool, ns', fixed.ns, FIXED_NS),
      id === 'churn-64' &&
        fixed &&
        node &&
        atLeast(id, 'allocUnsafe / fixed pool', besideEachOther(node, fixed), FIXED_TIMES),
      runtime.runtime === 'node' && native && node && timesOfNode(id, besideEachOther(node, native), runtime),
      native?.collections && id.startsWith('churn-') && noMarkCompact(id, native),
    ].filter(Boolean);
  });
}

/** Both against the view that ran beside each of them, where it did: two processes seldom find the machine in the same state. */
function besideEachOther(one, other) {
  const paired = one.pairedTimesView && other.pairedTimesView;
  return paired ? one.pairedTimesView / other.pairedTimesView : one.ns / other.ns;
}

function timesOfNode(id, times, { version }) {
  const wanted = TIMES_OF_NODE[id]?.[Number.parseInt(version, 10) >= 24 ? 'from24' : 'from20'];
  return wanted && atLeast(id, 'allocUnsafe / native', times, wanted);
}

function noMarkCompact(id, { collections }) {
  return atMost(id, 'native: mark-compacts in a million', collections.major.perMillion, 0);
}

function atMost(id, what, measured, limit) {
  return { case: id, what, wanted: `at most ${limit}`, measured, met: measured <= limit };
}

function atLeast(id, what, measured, limit) {
  return { case: id, what, wanted: `at least ${limit}`, measured, met: measured >= limit };
}
