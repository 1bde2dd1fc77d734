/** Whose malloc is measured: those that `hakmem compare` finds, and the ones that the command line names. */
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { UsageError } from '../options.mjs';
import { place } from './build.mjs';

const require = createRequire(import.meta.url);

/** The reference where nobody names one: the first of these that takes part. */
const REFERENCES = ['mimalloc3', 'glibc', 'system'];

/**
 * @param peers further libraries, each `<file>` or `<name>=<file>`.
 * @param wanted names; undefined for all.
 * @returns `{ name, library }`; library '' for the system's own malloc.
 */
export function findContenders(peers, wanted) {
  const all = allocatorsWith(peers).map(({ title, library }) => ({ name: nameOf(title), library }));
  const unknown = wanted?.find((name) => !all.some((contender) => contender.name === name));
  if (unknown !== undefined) {
    throw new UsageError(
      `there is no contender '${unknown}' here; there are ${all.map(({ name }) => name).join(', ')}`,
    );
  }
  return all.filter(({ name }) => wanted?.includes(name) ?? true).map(keepHakmem);
}

/** @returns the name of the contender that the others are divided by. */
export function chooseReference(contenders, wanted) {
  const names = contenders.map(({ name }) => name);
  if (wanted !== undefined && !names.includes(wanted)) {
    throw new UsageError(`the reference '${wanted}' does not take part; there are ${names.join(', ')}`);
  }
  return wanted ?? REFERENCES.find((name) => names.includes(name)) ?? names[0];
}

/** The command's mistakes are the bench's. */
function allocatorsWith(peers) {
  const { findAllocators } = require('../../dist/cli/allocators.js');
  const commandLine = require('../../dist/cli/arguments.js');
  try {
    return findAllocators(peers);
  } catch (error) {
    throw error instanceof commandLine.UsageError ? new UsageError(error.message) : error;
  }
}

function nameOf(title) {
  const glibc = process.report.getReport().header.glibcVersionRuntime !== undefined;
  return title === 'system' && glibc ? 'glibc' : title;
}

/** A copy, for a build that runs meanwhile takes the library away. */
function keepHakmem({ name, library }) {
  if (name !== 'hakmem') {
    return { name, library };
  }
  return { name, library: place('libhakmem-preload.so', (copy) => copyFileSync(library, copy)) };
}
