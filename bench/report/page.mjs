/**
 * The report: one HTML file with everything in it, so that it opens from a disk, without a network, and years later.
 *
 *     page/template.html  <-  style.css, d3 and Observable Plot as they are published, the scripts, the summary as JSON
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { summarise } from './summary.mjs';

const require = createRequire(import.meta.url);

/** @returns the file written. */
export function writePage(results, file) {
  writeFileSync(file, makePage(results));
  return file;
}

/** @returns the page as text. */
export function makePage(results) {
  const { cells: _raw, ...described } = results;
  const scripts = ['basics', 'plots', 'client'].map((name) => ownFile(`page/${name}.js`));
  return fillPage(ownFile('page/template.html'), { ...described, ...summarise(results) }, scripts);
}

/**
 * @param template HTML with a comment for each part. @param data the page's scripts find it as JSON in #data.
 * @param scripts their texts; none sees another's names. @returns the page as text.
 */
export function fillPage(template, data, scripts) {
  const libraries = [publishedFile('d3', 'd3.min.js'), publishedFile('@observablehq/plot', 'plot.umd.min.js')];
  const parts = {
    style: `<style>\n${ownFile('page/style.css')}</style>`,
    libraries: libraries.map((text) => scriptElement(text)).join('\n'),
    data: scriptElement(JSON.stringify(data), 'type="application/json" id="data"'),
    // Blocks, so that the scripts' names do not meet.
    client: scripts.map((text) => scriptElement(`{\n${text}}`)).join('\n'),
  };
  return template.replace(/<!-- (\w+) -->/g, (comment, name) => parts[name] ?? comment);
}

function ownFile(name) {
  return readFileSync(path.join(import.meta.dirname, name), 'utf8');
}

/** Not by `require.resolve(name/dist/...)`: a package need not export the file that it publishes for browsers. */
function publishedFile(name, file) {
  const folder = require.resolve
    .paths(name)
    .map((modules) => path.join(modules, name, 'dist', file))
    .find((candidate) => readable(candidate));
  if (folder === undefined) {
    throw new Error(`${name} is not installed: run \`npm ci\``);
  }
  return readFileSync(folder, 'utf8');
}

function readable(file) {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false;
  }
}

/** What would end the element early is written so that it means the same to JavaScript and nothing to HTML. */
function scriptElement(text, attributes = '') {
  return `<script ${attributes}>${text.replace(/<(?=\/script|!--)/gi, '\\u003c')}</script>`;
}
