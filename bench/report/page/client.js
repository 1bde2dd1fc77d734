/** The report's page: what stands around the plots, and drawing all again when something else is chosen. */
const { d3 } = globalThis;
const {
  data,
  chosen,
  titleOfCase,
  colourOf,
  titleOf,
  byId,
  mibText,
  element,
  nsText,
  timesText,
  shownRows,
  symbols,
  ratioPlot,
  smallPlots,
  callsPlot,
  collectionsPlot,
  memoryPlot,
  sidePlot,
} = globalThis.bench;

const GOAL = 1.4;
/** Whose mean is shown on top. */
const AVERAGED = ['native', 'ts', 'node'];
/** Who is shown where runtimes are side by side; more would hide each other. */
const BESIDE = ['view', 'node', 'free-list', 'native', 'ts', 'fixed'];

function drawTiles() {
  const of = (id, contender) =>
    data.rows.find((row) => row.runtime === chosen.runtime && row.case === id && row.contender === contender);
  const timesView = (id, contender) => of(id, contender)?.timesView ?? 0;
  // Over the same workloads for all, or the means could not be compared.
  const averaged = AVERAGED.filter((name) => data.cases.some(({ id }) => timesView(id, name) > 0));
  const common = data.cases.filter(({ id }) => averaged.every((name) => timesView(id, name) > 0));
  const mean = (contender) => timesText(Math.exp(d3.mean(common, ({ id }) => Math.log(timesView(id, contender)))));
  const tiles = [
    ...data.runtimes.map(({ name, title }) => {
      const goals = data.goals.filter(({ runtime }) => runtime === name);
      return goals.length > 0 && [`${goals.filter(({ met }) => met).length} of ${goals.length}`, `goals met, ${title}`];
    }),
    ...averaged.map((name) => common.length > 0 && [mean(name), `${titleOf(name)}: times the bare view, mean`]),
    ...['churn-64', 'churn-64k', 'churn-1m'].map((id) => {
      const times = of(id, 'native')?.timesFaster;
      return times && [timesText(times), `hakmem native: times as fast as allocUnsafe, ${titleOfCase.get(id)}`];
    }),
  ].filter(Boolean);
  byId('tiles').replaceChildren(
    ...tiles.map(([value, label]) => element('div', [element('b', value), element('span', label, { class: 'quiet' })])),
  );
}

function table(head, rows, attributes = {}) {
  return element(
    'table',
    [
      element(
        'thead',
        element(
          'tr',
          head.map((text) => element('th', text)),
        ),
      ),
      element(
        'tbody',
        rows.map(({ cells, ...rest }) =>
          element(
            'tr',
            cells.map((cell) => cellOf(cell)),
            rest,
          ),
        ),
      ),
    ],
    attributes,
  );
}

function cellOf(cell) {
  return cell instanceof Node && cell.nodeName === 'TD' ? cell : element('td', cell);
}

/** One row for each goal, one column for each runtime; first what some runtime missed, the rest folded. */
function drawGoals() {
  const rows = d3
    .groups(data.goals, ({ case: id, what }) => `${id} ${what}`)
    .map(([, goals]) => ({
      missed: goals.some(({ met }) => !met),
      cells: [
        titleOfCase.get(goals[0].case),
        goals[0].what,
        ...data.runtimes.map(({ name }) => goalCell(goals.find(({ runtime }) => runtime === name))),
      ],
    }));
  const head = ['workload', 'figure', ...data.runtimes.map(({ title }) => title)];
  const part = (missed) => rows.filter((row) => row.missed === missed).map(({ cells }) => ({ cells }));
  const met = element('details', [
    element('summary', `${part(false).length} goals met on every runtime`),
    table(head, part(false)),
  ]);
  byId('goals').replaceChildren(
    ...(rows.length === 0 ? ['This run measured none.'] : []),
    ...(part(true).length > 0 ? [table(head, part(true))] : []),
    ...(part(false).length > 0 ? [met] : []),
  );
}

function goalCell(goal) {
  if (goal === undefined) {
    return '-';
  }
  const measured = goal.measured.toLocaleString('en-US', { maximumFractionDigits: 2 });
  return element('td', `${measured}, ${goal.wanted}: ${goal.met ? 'met' : 'missed'}`, {
    class: goal.met ? 'met' : 'missed',
  });
}

function drawFigures() {
  const head = ['', 'ns per operation', 'rounds', 'CPU', '× view', 'less the loop', '× as fast as allocUnsafe'];
  const more = [
    'alloc p50',
    'p99',
    'p99.9',
    'free p50',
    'p99',
    'p99.9',
    'minor GC / 10⁶',
    'major / 10⁶',
    'peak',
    'kept',
  ];
  const rows = data.rows.filter((row) => row.runtime === chosen.runtime && !chosen.hidden.has(row.contender));
  const body = data.cases.flatMap(({ id, title }) => [
    { class: 'first', cells: [element('td', element('b', title), { colspan: head.length + more.length })] },
    ...rows.filter((row) => row.case === id).map((row) => ({ cells: figureCells(row) })),
  ]);
  byId('figures').replaceChildren(table([...head, ...more], body));
}

function figureCells(row) {
  if (row.ns === null) {
    return [titleOf(row.contender), element('td', row.failed ?? row.absent ?? '', { colspan: 16 })];
  }
  const { calls, collections, memory } = row;
  const some = (value, text) => (value === null || value === undefined ? '-' : text(value));
  return [
    titleOf(row.contender),
    nsText(row.ns),
    `${nsText(row.fastest)} - ${nsText(row.slowest)}`,
    nsText(row.cpuNs),
    some(row.timesView, timesText),
    some(row.timesViewNet, timesText),
    some(row.timesFaster, timesText),
    ...['alloc', 'free'].flatMap((call) => ['p50', 'p99', 'p999'].map((at) => some(calls?.[call][at], nsText))),
    ...['minor', 'major'].map((kind) => some(collections?.[kind].perMillion, (count) => d3.format(',.0f')(count))),
    mibText(memory.peakResident),
    mibText(memory.residentCollected),
  ];
}

function drawMethod() {
  const { rounds, durationMs } = data.settings;
  const paragraphs = [
    `Each figure is the median of ${rounds} rounds. In every round each contender runs each workload in a fresh process, after the others ` +
      `and in a changing order: a quarter of ${durationMs} ms to warm up (longer where memory that nobody touched yet would count), then ${durationMs} ms ` +
      'with the clock running through garbage collection too. Single calls are timed afterwards, in a pass of their own, so that the clock does not disturb the mean. ' +
      'Every Buffer is written and read at both ends, live ones are checked when they go, and a contender that is as fast as the ' +
      'empty loop is reported.',
  ];
  const words = (rows) =>
    table(
      [],
      rows.map(({ title, about }) => ({ cells: [title, about] })),
      { class: 'words' },
    );
  const runtimes = data.runtimes.map(({ name, title, v8, path }) => ({
    title: name,
    about: `${title}${v8 ? `, V8 ${v8}` : ''}, ${path}`,
  }));
  const reasons = d3.groups(
    data.rows.filter(({ absent }) => absent),
    (row) => row.absent,
  );
  const absent = reasons.map(([reason, rows]) => ({
    title: [...new Set(rows.map(({ contender }) => titleOf(contender)))].join(', '),
    about: `${reason}: ${[...new Set(rows.map((row) => titleOfCase.get(row.case)))].join(', ')}`,
  }));
  byId('method').replaceChildren(
    ...paragraphs.map((text) => element('p', text)),
    ...[
      ['Contenders', data.contenders],
      ['Workloads', data.cases],
      ['Runtimes', runtimes],
      ['Not everywhere measured', absent],
    ]
      .filter(([, rows]) => rows.length > 0)
      .flatMap(([title, rows]) => [element('h3', title), words(rows)]),
  );
}

/** The mark that stands for a contender in the plots. */
function swatchOf(name) {
  const symbol = symbols().range[symbols().domain.indexOf(name)];
  const type = d3[`symbol${symbol[0].toUpperCase()}${symbol.slice(1)}`];
  const svg = d3.create('svg').attr('width', 14).attr('height', 14).attr('viewBox', '-7 -7 14 14');
  svg.append('path').attr('d', d3.symbol(type, 80)()).attr('fill', colourOf(name));
  return svg.node();
}

function drawNavigation() {
  const tabs = data.runtimes.map(({ name, title }) =>
    button(
      name === title ? name : `${name} (${title})`,
      { role: 'tab', 'aria-selected': String(name === chosen.runtime) },
      () => {
        chosen.runtime = name;
      },
    ),
  );
  const chips = data.contenders.map(({ name, title, about }) => {
    const swatch = swatchOf(name);
    const attributes = { 'aria-pressed': String(!chosen.hidden.has(name)), title: about };
    return button([swatch, title], attributes, () => {
      chosen.hidden.delete(name) || chosen.hidden.add(name);
    });
  });
  byId('runtimes').replaceChildren(...(tabs.length > 1 ? tabs : []));
  byId('contenders').replaceChildren(...chips);
}

function button(inside, attributes, action) {
  const made = element('button', inside, { type: 'button', ...attributes });
  made.addEventListener('click', () => {
    action();
    draw();
  });
  return made;
}

function drawFacts() {
  const { time, machine } = data;
  const commit = machine.commit
    ? `commit ${machine.commit.slice(0, 10)}${machine.uncommittedChanges ? ' and changes' : ''}`
    : '';
  const facts = [
    new Date(time).toISOString().replace('T', ' ').slice(0, 16),
    commit,
    ...data.runtimes.map(({ title }) => title),
    `${machine.cpus} × ${machine.cpu}`,
    mibText(machine.memoryBytes),
    machine.platform,
  ];
  byId('facts').textContent = facts.filter(Boolean).join(' · ');
  byId('warnings').replaceChildren(...data.warnings.map((warning) => element('li', warning)));
}

function draw() {
  const rows = shownRows();
  drawNavigation();
  drawTiles();
  byId('view').replaceChildren(ratioPlot('timesView', 'times the bare view', [GOAL]));
  byId('against-node').hidden = !rows.some(({ timesFaster }) => timesFaster);
  byId('node').replaceChildren(ratioPlot('timesFaster', 'times as fast'));
  const withCalls = rows.filter(({ calls }) => calls);
  byId('clock').textContent =
    withCalls.length > 0 ? nsText(d3.median(withCalls, ({ calls }) => calls.clock)) : 'not measured';
  smallPlots('calls', withCalls, callsPlot);
  const withCollections = rows.filter(({ collections }) => collections);
  byId('no-collections').hidden = withCollections.length > 0;
  smallPlots('collections', withCollections, collectionsPlot);
  smallPlots('memory', rows, memoryPlot);
  byId('side').hidden = data.runtimes.length < 2;
  if (data.runtimes.length > 1) {
    smallPlots(
      'side-plots',
      data.runtimes.flatMap(({ name }) => shownRows(name)).filter(({ contender }) => BESIDE.includes(contender)),
      sidePlot,
    );
  }
  drawFigures();
}

byId('theme').addEventListener('click', () => {
  const { dataset } = document.documentElement;
  const dark = dataset.theme ? dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = dark ? 'light' : 'dark';
});
drawFacts();
drawMethod();
drawGoals();
draw();
