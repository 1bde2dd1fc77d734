/**
 * `hakmem compare -- program args...`: which malloc serves a program best. It is run under each in turn, several times over,
 * and its time and memory are put side by side.
 */
import { closeSync, existsSync, openSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { plural } from '../units';
import { type Allocator, findAllocators } from './allocators';
import { UsageError } from './arguments';
import { picture } from './compare-picture';
import { compareLines, mishaps } from './compare-report';
import { Interruption, type ProgramLine, runAll } from './compare-runner';
import { reasonOf } from './failure';
import { endBy } from './follow';
import { findProgram } from './program';
import { Progress } from './progress';

export interface CompareOptions {
  program: string;
  args: string[];
  /** Runs under each malloc. */
  runs: number;
  /** File for the picture; '' for none. */
  plot: string;
  /** Further libraries, each `<file>` or `<name>=<file>`. */
  libraries: string[];
}

const SMALLEST_WIDTH = 40;

/** @returns the exit code. Where a signal asked to end, the same one ends this process. */
export async function compare(options: CompareOptions): Promise<number> {
  if (options.plot !== '') {
    checkPlot(options.plot);
  }
  const allocators = findAllocators(options.libraries);
  const file = findProgram(options.program, process.env);
  try {
    return await compareUnder(allocators, { file, program: options.program, args: options.args }, options);
  } catch (error) {
    if (error instanceof Interruption) {
      return endBy(error.signal);
    }
    throw error;
  }
}

/** The runs may take long: that their picture cannot be written is told before them. */
function checkPlot(file: string): void {
  const isNew = !existsSync(file);
  try {
    closeSync(openSync(file, 'a'));
    if (isNew) {
      // Through a symbolic link that led nowhere, what was made is where it leads to.
      rmSync(realpathSync(file));
    }
  } catch (error) {
    throw new UsageError(`'${file}' cannot be written: ${reasonOf(error)}`);
  }
}

async function compareUnder(allocators: Allocator[], line: ProgramLine, options: CompareOptions): Promise<number> {
  const width = Math.max(SMALLEST_WIDTH, process.stdout.columns ?? 80);
  const typed = [line.program, ...line.args].join(' ');
  print([typed, `Medians of ${plural(options.runs, 'run')} under each malloc, in turn.`]);
  const progress = new Progress(options.runs * allocators.length);
  const outcomes = await runAll(line, allocators, options.runs, progress).finally(() => progress.end());
  print(['', ...compareLines(outcomes, width)]);
  if (options.plot !== '') {
    writeFileSync(options.plot, picture(options.plot, typed, outcomes));
    print(['', `Picture: ${options.plot}`]);
  }
  return mishaps(outcomes).length === 0 ? 0 : 1;
}

function print(lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
