/** Runs a program under each malloc in turn, several times, and takes the medians. */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { median } from '../units';
import type { Allocator } from './allocators';
import { Complaint } from './complaint';
import { follow } from './follow';
import { withoutPreload, withPreload } from './preload';
import { childrenTimes } from './proc';
import type { Progress } from './progress';
import { type Sample, Sampler } from './sampler';

export interface ProgramLine {
  /** Path of the program. */
  file: string;
  /** Its name, as it was typed. */
  program: string;
  args: string[];
}

/** What is compared. */
interface Figures {
  elapsedMs: number;
  userMs: number;
  systemMs: number;
  /** NaN, as finalBytes, where the program, or one of its runs, ended too soon to tell. */
  peakBytes: number;
  finalBytes: number;
  /** Resident memory over time; none where the program ended too soon. */
  samples: readonly Sample[];
}

/** One run. */
export interface Measured extends Figures {
  /** 'exit code 0', or how else it ended. */
  ending: string;
  /** The end of what it wrote to standard error. */
  complaint: string;
  missedLibrary: boolean;
}

/** What the runs under one malloc came to: the median of each number, and the samples of the run in the middle. */
export interface Outcome extends Figures {
  allocator: Allocator;
  runs: Measured[];
}

/** A signal asked this process to end while a program ran: that has got it, too, and has ended. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(signal);
    this.signal = signal;
  }
}

export const SUCCESS = 'exit code 0';

/** The order turns by one each round, so that none always has the same neighbour before it. */
export async function runAll(
  line: ProgramLine,
  allocators: Allocator[],
  rounds: number,
  progress: Progress,
): Promise<Outcome[]> {
  const runs = new Map<Allocator, Measured[]>(allocators.map((allocator) => [allocator, []]));
  progress.begin('once before it counts');
  await runOnce(line, allocators[0]);
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < allocators.length; at++) {
      const allocator = allocators[(at + round) % allocators.length];
      progress.begin(`${allocator.title}, round ${round + 1} of ${rounds}`);
      runs.get(allocator)?.push(await runOnce(line, allocator));
      progress.advance(1);
    }
  }
  return allocators.map((allocator) => outcomeOf(allocator, runs.get(allocator) ?? []));
}

function outcomeOf(allocator: Allocator, runs: Measured[]): Outcome {
  const middle = (number: (run: Measured) => number): number => median(runs.map(number));
  const byTime = [...runs].sort((a, b) => a.elapsedMs - b.elapsedMs);
  // A median of those runs only that were long enough would be one of the slowest.
  const seen = runs.every((run) => run.samples.length > 0);
  return {
    allocator,
    runs,
    elapsedMs: middle((run) => run.elapsedMs),
    userMs: middle((run) => run.userMs),
    systemMs: middle((run) => run.systemMs),
    peakBytes: seen ? middle((run) => run.peakBytes) : Number.NaN,
    finalBytes: seen ? middle((run) => run.finalBytes) : Number.NaN,
    samples: seen ? byTime[byTime.length >> 1].samples : [],
  };
}

function environmentFor({ library }: Allocator): NodeJS.ProcessEnv {
  const bare = withoutPreload(process.env);
  return library === '' ? bare : withPreload(bare, library);
}

function memoryOf(sampler: Sampler | undefined): Pick<Figures, 'peakBytes' | 'finalBytes' | 'samples'> {
  if (!sampler?.sawEnough) {
    return { peakBytes: Number.NaN, finalBytes: Number.NaN, samples: [] };
  }
  const { peakBytes, samples } = sampler;
  return { peakBytes, finalBytes: samples[samples.length - 1].residentBytes, samples };
}

async function runOnce(line: ProgramLine, allocator: Allocator): Promise<Measured> {
  let sampler: Sampler | undefined;
  let complaint: Complaint | undefined;
  const { library } = allocator;
  const mapped = library === '' ? '' : realpathSync(library);
  const before = childrenTimes();
  const startMs = performance.now();
  const start = () => {
    const child = startUnder(line, allocator);
    sampler = new Sampler(child.pid ?? 0, mapped, startMs);
    // There is none where there was no room for the program: `follow` tells of that.
    complaint = child.stderr === undefined ? undefined : new Complaint(child.stderr);
    return child;
  };
  const ending = await follow(start, line.program).finally(() => sampler?.end());
  const elapsedMs = performance.now() - startMs;
  const after = childrenTimes();
  const lastWords = await complaint?.end();
  if (ending.asked !== null) {
    throw new Interruption(ending.asked);
  }
  return {
    elapsedMs,
    userMs: after.userMs - before.userMs,
    systemMs: after.systemMs - before.systemMs,
    ...memoryOf(sampler),
    ending: ending.signal ?? `exit code ${ending.code}`,
    complaint: lastWords ?? '',
    missedLibrary: sampler?.missedLibrary ?? false,
  };
}

function startUnder({ file, program, args }: ProgramLine, allocator: Allocator) {
  return spawn(file, args, { argv0: program, env: environmentFor(allocator), stdio: ['ignore', 'ignore', 'pipe'] });
}
