/** The page of `npm run bench -- malloc`: for each figure a plot of ratios and a table; curves for a scaling run. */
const { d3, Plot } = globalThis;
const data = JSON.parse(document.getElementById('data').textContent);
const names = data.contenders.map(({ name }) => name);
const MIB = 2 ** 20;
/** Told apart by readers who see colours differently (Okabe and Ito 2008); hakmem's stands out. */
const OTHERS = ['#56b4e9', '#009e73', '#cc79a7', '#e69f00', '#0072b2', '#8a8f98', '#b59a00', '#7a5cc7'];
const others = names.filter((name) => name !== 'hakmem');
const colour = {
  legend: true,
  domain: names,
  range: names.map((name) => (name === 'hakmem' ? '#d55e00' : OTHERS[others.indexOf(name) % OTHERS.length])),
};
const byId = (id) => document.getElementById(id);
const ratioText = (ratio) => (ratio === null ? '-' : ratio.toFixed(2));

function element(name, inside = [], attributes = {}) {
  const made = document.createElement(name);
  made.append(...[inside].flat());
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  return made;
}

function table(head, rows, attributes = {}) {
  const line = (cells, kind) =>
    element(
      'tr',
      cells.map((cell) => element(kind, cell)),
    );
  const body = rows.map((cells) => line(cells, 'td'));
  return element('div', element('table', [element('thead', line(head, 'th')), element('tbody', body)], attributes), {
    class: 'scroll',
  });
}

function section(title, about, parts) {
  return element('section', [element('h2', title), element('p', about, { class: 'quiet' }), ...parts]);
}

/** A dot for each contender in a row for each workload, on a logarithmic scale; the last row is the mean. */
function ratioPlot({ rows, means, unit }) {
  const dots = rows.flatMap(({ workload, ratios, values }) =>
    names
      .filter((name) => ratios[name])
      .map((name) => ({ workload, name, ratio: ratios[name], value: `${values[name].toPrecision(3)} ${unit}` })),
  );
  const mean = 'geometric mean';
  const all = [
    ...dots,
    ...names.filter((name) => means[name]).map((name) => ({ workload: mean, name, ratio: means[name], value: '' })),
  ];
  const bands = [...rows.map(({ workload }) => workload), mean];
  return Plot.plot({
    width: 1130,
    height: 80 + bands.length * 26,
    marginLeft: 170,
    marginRight: 30,
    marginBottom: 40,
    style: { fontSize: '13px' },
    x: {
      type: 'log',
      label: `times ${data.reference}`,
      grid: true,
      tickFormat: (value) => `${value}×`,
      ticks: 8,
      nice: true,
    },
    y: { domain: bands, label: null, tickSize: 0, padding: 0.4 },
    color: colour,
    r: { type: 'identity' },
    marks: [
      Plot.ruleY(bands, { stroke: 'var(--line)' }),
      Plot.ruleX([1], { stroke: 'var(--quiet)' }),
      Plot.dot(all, {
        x: 'ratio',
        y: 'workload',
        fill: 'name',
        stroke: 'var(--card)',
        r: ({ name }) => (name === 'hakmem' ? 7 : 4.5),
        sort: ({ name }) => (name === 'hakmem' ? 1 : 0),
        channels: { who: 'name', value: 'value' },
        tip: { format: { x: ratioText, fill: false } },
      }),
    ],
  });
}

function figureSection(figure) {
  const { title, unit, rows, means, meanOf } = figure;
  const lines = rows.map(({ workload, ratios, values }) => [
    workload,
    ...names.map((name) => ratioText(ratios[name])),
    values[data.reference]?.toPrecision(3) ?? '-',
  ]);
  const mean = [`geometric mean of ${meanOf}`, ...names.map((name) => ratioText(means[name])), ''];
  const head = ['', ...names, `${data.reference}, ${unit}`];
  return section(title, `Divided by that of ${data.reference}. Left, and below 1, is better.`, [
    ratioPlot(figure),
    table(head, [...lines, mean]),
  ]);
}

/** A line for each contender over the number of threads. */
function curves(rows, { y, label }) {
  const shown = rows.filter((row) => y(row) !== null);
  return Plot.plot({
    width: 550,
    height: 320,
    marginLeft: 55,
    x: {
      type: 'log',
      base: 2,
      label: 'threads',
      ticks: [...new Set(rows.map(({ threads }) => threads))],
      tickFormat: 'd',
    },
    y: { label, grid: true, zero: true },
    color: colour,
    marks: [
      Plot.lineY(shown, { x: 'threads', y, stroke: 'contender', strokeWidth: 2 }),
      Plot.dot(shown, { x: 'threads', y, fill: 'contender', tip: true }),
    ],
  });
}

function scalingSection(name) {
  const rows = data.scaling.filter((row) => row.name === name);
  const plots = [
    { y: ({ rate }) => rate && rate / 1e6, label: 'million operations a second' },
    { y: ({ relative }) => relative, label: 'throughput, times that with 2 threads' },
    { y: ({ peakBytes }) => peakBytes && peakBytes / MIB, label: 'peak resident memory, MiB' },
  ].map((plot) => curves(rows, plot));
  return section(`${name} by number of threads`, 'Each thread does the same work.', [
    element('div', plots, { class: 'grid' }),
  ]);
}

function drawFacts() {
  const { time, machine, settings } = data;
  const commit = machine.commit ? `commit ${machine.commit.slice(0, 10)}` : '';
  const facts = [
    time.replace('T', ' ').slice(0, 16),
    machine.uncommittedChanges ? `${commit} and changes` : commit,
    `${machine.cpus} × ${machine.cpu}`,
    `${Math.round(machine.memoryBytes / MIB)} MiB`,
    machine.platform,
    `${settings.rounds} round${settings.rounds === 1 ? '' : 's'}`,
  ];
  byId('facts').textContent = facts.filter(Boolean).join(' · ');
  byId('warnings').replaceChildren(...data.warnings.map((warning) => element('li', warning)));
}

function drawTiles() {
  const tiles = data.tables
    .filter(({ means }) => means.hakmem)
    .map(({ title, means }) => [
      `${means.hakmem.toFixed(2)}×`,
      `hakmem: ${title} / ${data.reference}'s, geometric mean`,
    ]);
  byId('tiles').replaceChildren(
    ...tiles.map(([value, label]) => element('div', [element('b', value), element('span', label, { class: 'quiet' })])),
  );
}

drawFacts();
drawTiles();
byId('parts').replaceChildren(
  ...data.tables.map(figureSection),
  ...[...d3.union(data.scaling.map(({ name }) => name))].map(scalingSection),
);
byId('workloads').replaceChildren(
  table(
    ['', 'what it does'],
    data.workloads.map(({ id, about }) => [id, about]),
    { class: 'words' },
  ),
);
