/** The report of `npm run bench -- malloc`: one HTML file with everything in it (see ../report/page.mjs). */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fillPage } from '../report/page.mjs';
import { summarise } from './summary.mjs';

/** @returns the file written. */
export function writePage(results, file) {
  const { cells: _raw, ...described } = results;
  writeFileSync(file, fillPage(part('template.html'), { ...described, ...summarise(results) }, [part('client.js')]));
  return file;
}

function part(name) {
  return readFileSync(path.join(import.meta.dirname, 'page', name), 'utf8');
}
