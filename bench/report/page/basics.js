/**
 * What all parts of the report's page use: the summary, what is chosen of it, words for quantities, elements.
 * The parts are plain scripts, for a page on a disk may not import modules; they meet in `globalThis.bench`.
 */
const data = JSON.parse(document.getElementById('data').textContent);
const titleOfCase = new Map(data.cases.map(({ id, title }) => [id, title]));
const contenderOf = new Map(data.contenders.map((contender) => [contender.name, contender]));
const chosen = { runtime: data.runtimes[0].name, hidden: new Set(['loop']) };

const MIB = 2 ** 20;
const SYMBOLS = ['circle', 'star', 'square', 'triangle', 'diamond', 'wye', 'cross', 'circle', 'square', 'triangle'];

const colourOf = (name) => `var(--c-${name.replace('.', '-')})`;
const titleOf = (name) => contenderOf.get(name).title;
const byId = (id) => document.getElementById(id);
const mibText = (bytes) => `${(bytes / MIB).toFixed(0)} MiB`;

/** @returns an element; `inside` is text, an element, or a list of them. */
function element(name, inside = [], attributes = {}) {
  const made = document.createElement(name);
  made.append(...[inside].flat());
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  return made;
}

function nsText(ns) {
  const units = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  const [scale, unit] = units.find(([limit]) => ns >= limit * 0.9995) ?? [1, 'ns'];
  const value = ns / scale;
  return `${value >= 99.95 ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
}

function timesText(times) {
  const digits = times >= 99.5 ? 0 : times >= 9.95 ? 1 : 2;
  return `${times.toLocaleString('en-US', { maximumFractionDigits: digits })}×`;
}

function rangeText({ ns, fastest, slowest }) {
  return `${nsText(ns)} (${nsText(fastest)} to ${nsText(slowest)})`;
}

/** Rows that are shown: measured, of the chosen runtime, of contenders that are not hidden. */
function shownRows(runtime = chosen.runtime) {
  return data.rows.filter((row) => row.runtime === runtime && row.ns !== null && !chosen.hidden.has(row.contender));
}

function colours() {
  const names = data.contenders.map(({ name }) => name);
  return { domain: names, range: names.map(colourOf) };
}

const symbols = () => ({ domain: data.contenders.map(({ name }) => name), range: SYMBOLS });

globalThis.bench = {
  data,
  chosen,
  MIB,
  titleOfCase,
  colourOf,
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
};
