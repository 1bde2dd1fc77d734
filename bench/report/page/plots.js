/** The plots of the report's page. */
const { d3, Plot } = globalThis;
const {
  data,
  MIB,
  titleOfCase,
  titleOf,
  byId,
  mibText,
  element,
  nsText,
  timesText,
  rangeText,
  shownRows,
  colours,
  symbols,
} = globalThis.bench;

const SMALL = { width: 350, rowHeight: 17 };
const nsAxis = { type: 'log', tickFormat: (value) => (Math.log10(value) % 1 === 0 ? nsText(value) : '') };
const beside = { textAnchor: 'start', dx: 4, fill: 'var(--quiet)', fontSize: 10 };
const HEAVY = ['major', 'incremental'];
const percent = (share) => (share < 0.0005 ? '0' : `${(share * 100).toPrecision(2)}%`);

/** A dot for each contender in a row for each workload, on a logarithmic scale. */
function ratioPlot(field, label, goal = []) {
  const rows = shownRows().filter((row) => row[field]);
  const titles = [...new Set(rows.map((row) => row.case))].map((id) => titleOfCase.get(id));
  return Plot.plot({
    width: 1130,
    height: 70 + titles.length * 30,
    marginLeft: 175,
    marginBottom: 46,
    marginRight: 30,
    style: { fontSize: '13px' },
    x: {
      type: 'log',
      label,
      labelOffset: 42,
      grid: true,
      ticks: 8,
      tickFormat: (value) => timesText(value),
      nice: true,
    },
    y: { domain: titles, label: null, tickSize: 0, padding: 0.4 },
    color: colours(),
    symbol: symbols(),
    marks: [
      Plot.ruleY(titles, { stroke: 'var(--line)' }),
      Plot.ruleX([1], { stroke: 'var(--quiet)' }),
      Plot.ruleX(goal, { stroke: 'var(--quiet)', strokeDasharray: '4 3' }),
      Plot.dot(rows, {
        x: field,
        y: (row) => titleOfCase.get(row.case),
        fill: 'contender',
        symbol: 'contender',
        stroke: 'var(--card)',
        r: 6,
        channels: { who: (row) => titleOf(row.contender), 'per operation': (row) => rangeText(row) },
        tip: { format: { who: true, 'per operation': true, x: timesText, y: true, fill: false, symbol: false } },
      }),
    ],
  });
}

/** One small plot for each workload, contenders below each other. */
function smallPlots(id, rows, makePlot) {
  const plots = data.cases.flatMap(({ id: name, title }) => {
    const own = rows.filter((row) => row.case === name);
    return own.length > 0 ? [element('div', [element('h3', title), makePlot(own)])] : [];
  });
  byId(id).replaceChildren(...plots);
}

function smallPlot(rows, { x, marks, band = (row) => titleOf(row.contender), marginLeft = 128, marginRight = 40 }) {
  const bands = [...new Set(rows.map(band))];
  return Plot.plot({
    width: SMALL.width,
    height: 36 + bands.length * SMALL.rowHeight,
    marginLeft,
    marginRight,
    marginTop: 6,
    marginBottom: 28,
    style: { fontSize: '11px' },
    x: { label: null, grid: true, ticks: 4, ...x },
    y: { domain: bands, label: null, tickSize: 0, padding: 0.25 },
    color: colours(),
    symbol: symbols(),
    marks,
  });
}

function callsPlot(rows) {
  const y = (row) => titleOf(row.contender);
  const text = ({ calls: { alloc } }) =>
    `p50 ${nsText(alloc.p50)}, p99 ${nsText(alloc.p99)}, p99.9 ${nsText(alloc.p999)}, max ${nsText(alloc.max)}`;
  return smallPlot(rows, {
    x: { ...nsAxis, nice: true },
    marks: [
      Plot.barX(rows, {
        x1: (row) => row.calls.alloc.p50,
        x2: (row) => row.calls.alloc.p999,
        y,
        fill: 'contender',
        fillOpacity: 0.8,
        title: text,
        tip: true,
      }),
      Plot.tickX(rows, { x: (row) => row.calls.alloc.p99, y, stroke: 'var(--card)', strokeWidth: 2 }),
      Plot.text(rows, {
        x: (row) => row.calls.alloc.p999,
        y,
        text: (row) => nsText(row.calls.alloc.p999),
        ...beside,
      }),
    ],
  });
}

function collectionsPlot(rows) {
  const y = (row) => titleOf(row.contender);
  const share = ({ collections }, kinds) => d3.sum(kinds, (kind) => collections[kind].share);
  const light = (row) => share(row, ['minor', 'weak']);
  const all = (row) => share(row, Object.keys(row.collections));
  const heavyCount = ({ collections }) => Math.round(collections.major.perMillion);
  const text = (row) =>
    Object.entries(row.collections)
      .map(
        ([kind, { perMillion, share: part }]) =>
          `${kind}: ${Math.round(perMillion)} in a million operations, ${percent(part)}`,
      )
      .join('\n');
  return smallPlot(rows, {
    x: { domain: [0, Math.max(0.01, d3.max(rows, all))], ticks: 3, tickFormat: '.0%' },
    marginRight: 92,
    marks: [
      Plot.barX(rows, { x1: 0, x2: light, y, fill: 'contender', fillOpacity: 0.45 }),
      Plot.barX(rows, { x1: light, x2: all, y, fill: 'contender', title: text, tip: true }),
      Plot.text(rows, {
        x: all,
        y,
        text: (row) =>
          share(row, HEAVY) > 0.0005 ? `${percent(all(row))}, ${heavyCount(row)} major` : percent(all(row)),
        ...beside,
      }),
    ],
  });
}

function memoryPlot(rows) {
  const y = (row) => titleOf(row.contender);
  const added =
    (name) =>
    ({ memory }) =>
      Math.max(0, memory[name] - memory.residentStart) / MIB;
  const [peak, kept] = [added('peakResident'), added('residentCollected')];
  const text = ({ memory }) =>
    `before ${mibText(memory.residentStart)}, peak ${mibText(memory.peakResident)}, ` +
    `everything freed ${mibText(memory.residentIdle)}, and collected ${mibText(memory.residentCollected)}`;
  return smallPlot(rows, {
    x: { domain: [0, Math.max(1, d3.max(rows, peak), d3.max(rows, kept))] },
    marks: [
      Plot.barX(rows, { x: peak, y, fill: 'contender', title: text, tip: true }),
      Plot.tickX(rows, { x: kept, y, stroke: 'var(--text)', strokeWidth: 2 }),
      Plot.text(rows, {
        x: (row) => Math.max(peak(row), kept(row)),
        y,
        text: (row) => peak(row).toPrecision(3),
        ...beside,
      }),
    ],
  });
}

/** Runtimes below each other, a dot for each contender. */
function sidePlot(rows) {
  const y = (row) => row.runtime;
  return smallPlot(rows, {
    band: y,
    marginLeft: 64,
    x: { ...nsAxis, nice: true },
    marks: [
      Plot.ruleY([...new Set(rows.map(y))], { stroke: 'var(--line)' }),
      Plot.dot(rows, {
        x: 'ns',
        y,
        fill: 'contender',
        symbol: 'contender',
        stroke: 'var(--card)',
        r: 5,
        title: (row) => `${titleOf(row.contender)} on ${row.runtime}: ${rangeText(row)}`,
        tip: true,
      }),
    ],
  });
}

Object.assign(globalThis.bench, { ratioPlot, smallPlots, callsPlot, collectionsPlot, memoryPlot, sidePlot });
