/**
 * Memory over time as a file: an SVG picture, alone or in an HTML page with the table. It needs nothing besides itself, and
 * follows the reader's choice of a light or a dark background.
 */

import { bytesText, timeText } from '../units';
import { comparison, NOTES, troubles } from './compare-report';
import type { Outcome } from './compare-runner';
import type { Curve } from './curve';

const WIDTH = 900;
const HEIGHT = 420;
const LEFT = 80;
const RIGHT = 140;
const TOP = 40;
const BOTTOM = 40;
/** Told apart by readers who see colours differently, on light and on dark (Okabe and Ito 2008). */
const COLORS = ['#888888', '#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #333 }
  .back { fill: #fff } .grid { stroke: #ddd } .curve { fill: none; stroke-width: 2; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } .back { fill: #1b1b1b } .grid { stroke: #3a3a3a } }`;

/** @param line the program as it was typed. @returns the text of the file. */
export function picture(file: string, line: string, outcomes: readonly Outcome[]): string {
  const curves = outcomes.map(({ allocator, samples }) => ({ title: allocator.title, samples }));
  const svg = svgOf(line, curves);
  return file.toLowerCase().endsWith('.svg') ? svg : pageOf(line, outcomes, svg);
}

function svgOf(line: string, curves: readonly Curve[]): string {
  const endMs = Math.max(...curves.flatMap(({ samples }) => samples.map(({ timeMs }) => timeMs)), 1);
  const mostBytes = Math.max(...curves.flatMap(({ samples }) => samples.map((sample) => sample.residentBytes)), 1);
  const x = (timeMs: number) => (LEFT + (timeMs / endMs) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (bytes: number) => (HEIGHT - BOTTOM - (bytes / mostBytes) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const rows = ticks(mostBytes, 2).map(
    (bytes) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(bytes)}" y2="${y(bytes)}"/>` +
      `<text x="${LEFT - 8}" y="${y(bytes)}" text-anchor="end" dominant-baseline="middle">${bytesText(bytes)}</text>`,
  );
  const columns = ticks(endMs, 10).map(
    (timeMs) => `<text x="${x(timeMs)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${timeText(timeMs)}</text>`,
  );
  const lines = curves.map(({ title, samples }, at) => {
    const points = samples.map(({ timeMs, residentBytes }) => `${x(timeMs)},${y(residentBytes)}`).join(' ');
    const color = COLORS[at % COLORS.length];
    const row = TOP + 10 + at * 20;
    return (
      `<polyline class="curve" stroke="${color}" points="${points}"><title>${escaped(title)}</title></polyline>` +
      `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 30}" y1="${row}" y2="${row}" stroke="${color}" stroke-width="3"/>` +
      `<text x="${WIDTH - RIGHT + 36}" y="${row}" dominant-baseline="middle">${escaped(title)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>Resident memory over time of ${escaped(line)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text x="${LEFT}" y="20">${escaped(shortened(line))}: resident memory over time</text>`,
    ...rows,
    ...columns,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

function pageOf(line: string, outcomes: readonly Outcome[], svg: string): string {
  const { columns, rows } = comparison(outcomes);
  const head = ['', ...columns].map((title) => `<th>${escaped(title)}</th>`).join('');
  const body = rows.map(
    ({ label, values }) => `<tr><th>${label}</th>${values.map((value) => `<td>${value}</td>`).join('')}</tr>`,
  );
  const remarks = [...NOTES, ...troubles(outcomes)].map((text) => `<p>${escaped(text)}</p>`);
  return [
    '<!doctype html>',
    '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(shortened(line))}</title>`,
    '<style>:root { color-scheme: light dark } body { font: 15px system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }',
    'table { border-collapse: collapse } th, td { padding: .2em .8em; text-align: right; white-space: nowrap } th:first-child { text-align: left; font-weight: normal }',
    'tr + tr { border-top: 1px solid #8884 } .wide { overflow-x: auto } code { overflow-wrap: anywhere }</style>',
    `<h1>Which malloc?</h1><p><code>${escaped(line)}</code></p>`,
    `<div class="wide"><table><tr>${head}</tr>${body.join('')}</table></div>`,
    svg,
    ...remarks,
    '</html>\n',
  ].join('\n');
}

/** From 0 up to `most` in three to eight equal steps: of bytes powers of 2, else 1, 2 or 5 times a power of 10. */
export function ticks(most: number, base: 2 | 10): number[] {
  const power = base ** Math.floor(Math.log(most / (base === 2 ? 4 : 5)) / Math.log(base));
  const step = base === 2 ? power : ([1, 2, 5, 10].find((times) => most / (power * times) <= 8) ?? 10) * power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
}

function shortened(line: string): string {
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
