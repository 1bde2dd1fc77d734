/** From raw results to medians, ratios, goals and warnings. */
import { expect, test } from 'vitest';
import { load } from './support';

interface Row {
  contender: string;
  ns: number | null;
  timesView: number | null;
  timesFaster: number | null;
  optimisedAway: boolean;
}
interface Summary {
  rows: Row[];
  goals: { what: string; met: boolean }[];
  warnings: string[];
}

interface Report {
  summarise(results: object): Summary;
  reportLines(results: object, width: number): string[];
  makePage(results: object): string;
}

const modules = Promise.all(['summary', 'text', 'page'].map((name) => load<Partial<Report>>(`report/${name}.mjs`)));
const report = async (): Promise<Report> => Object.assign({}, ...(await modules));

interface Cell {
  contender: string;
}

const quantiles = { p50: 20, p99: 30, p999: 40, max: 50, count: 1000 };
const kind = { count: 0, ms: 0 };

function round(ns: number): object {
  return {
    nsPerOperation: ns,
    cpuNsPerOperation: ns,
    operations: 1e6,
    elapsedMs: ns,
    collections: { minor: kind, major: kind, incremental: kind, weak: kind },
    calls: { alloc: quantiles, free: quantiles, clock: quantiles },
    residentStartBytes: 1,
    peakResidentBytes: 2,
    residentIdleBytes: 2,
    residentCollectedBytes: 1,
  };
}

function cell(contender: string, times: number[], rest: object = {}): Cell {
  const results = times.map(round);
  const made = { case: 'churn-64', runtime: 'here', contender, absent: null, failed: null, results, ...rest };
  return made;
}

function resultsOf(cells: Cell[]): object {
  return {
    time: '2026-01-01T00:00:00.000Z',
    machine: {
      commit: 'abc',
      uncommittedChanges: false,
      platform: 'linux',
      cpu: 'a',
      cpus: 2,
      memoryBytes: 1,
      loadBefore: 0,
    },
    variables: {},
    settings: { rounds: 3, durationMs: 1, quick: false },
    runtimes: [{ name: 'here', title: 'Node 26.0.0', runtime: 'node', version: '26.0.0', v8: '1', path: '/node' }],
    cases: [{ id: 'churn-64', title: 'churn 64 B', about: '' }],
    contenders: cells.map(({ contender }) => ({ name: contender, title: contender, about: '' })),
    cells,
  };
}

const GOOD = [
  cell('loop', [2, 2, 2]),
  cell('view', [20, 21, 20]),
  cell('node', [44, 40, 42]),
  cell('native', [25, 26, 24]),
  cell('ts', [26, 27, 26]),
  cell('fixed', [8, 8, 8]),
];

test('medians and ratios', async () => {
  const { summarise } = await report();
  const { rows, goals, warnings } = summarise(resultsOf(GOOD));
  const native = rows.find(({ contender }) => contender === 'native');
  expect(native).toMatchObject({ ns: 25, timesView: 1.25, timesFaster: 42 / 25, optimisedAway: false });
  expect(goals.length).toBeGreaterThan(4);
  expect(goals.filter(({ met }) => !met)).toEqual([]);
  expect(warnings).toEqual([]);
});

test('what ran beside the view in its own process is compared with that one', async () => {
  const { summarise } = await report();
  const paired = (name: string, ns: number, pairedTimesView: number) => ({
    ...cell(name, []),
    results: [{ ...round(ns), pairedTimesView }],
  });
  // By themselves the processes would say 2.5 of the view, and ts a third of native.
  const cells = [...GOOD.slice(0, 3), paired('native', 50, 1.3), paired('ts', 17, 1.56)];
  const { rows, goals } = summarise(resultsOf(cells));
  expect(rows.find(({ contender }) => contender === 'native')).toMatchObject({ ns: 50, timesView: 1.3 });
  expect(goals.find(({ what }) => what === 'ts / native')).toMatchObject({ measured: 1.56 / 1.3, met: true });
  expect(goals.find(({ what }) => what === 'ts / bare view')).toMatchObject({ measured: 1.56, met: false });
});

test('a loop that was optimised away is reported, in the text and on the page', async () => {
  const { summarise, reportLines, makePage } = await report();
  const results = resultsOf([...GOOD.slice(0, 3), cell('native', [2.05, 2, 2])]);
  const { rows, warnings } = summarise(results);
  expect(rows.filter(({ optimisedAway }) => optimisedAway).map(({ contender }) => contender)).toEqual(['native']);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('optimised away');
  expect(reportLines(results, 120).join('\n')).toContain(warnings[0]);
  expect(makePage(results)).toContain(warnings[0]);
});

test('goals that are missed, rounds that are far apart, failures and absences are told', async () => {
  const { reportLines } = await report();
  const results = resultsOf([
    ...GOOD.slice(0, 3),
    cell('native', [40, 90, 41]),
    cell('ts', [], { failed: 'it broke' }),
    cell('fixed', [], { absent: 'it is not there' }),
  ]);
  const text = reportLines(results, 120).join('\n');
  expect(text).toContain('native / bare view is 2.05, at most 1.4 was the goal');
  expect(text).toContain('ts at churn 64 B failed: it broke (here)');
  expect(text).toContain('fixed: it is not there');
  expect(text).toContain('in 1 of 4 cells');
});

test('the page has everything in it, and text cannot end its scripts', async () => {
  const { makePage } = await report();
  const results = resultsOf(GOOD.slice(0, 5).concat(cell('fixed', [], { absent: '</script><b>' })));
  const page = makePage(results);
  expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)=/);
  expect(page).not.toContain('</script><b>');
  expect(page.match(/<script/g)?.length).toBe(page.match(/<\/script>/g)?.length);
});
