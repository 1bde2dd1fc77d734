/** Runs a program under each malloc in turn, several times, and takes the medians. */
import { spawn } from 'node:child_process';
import type { Allocator } from './allocators';
import { follow } from './follow';
import { withoutPreload, withPreload } from './preload';
import { childrenTimes } from './proc';
import type { Progress } from './progress';
import { type Sample, Sampler } from './sampler';
import { median } from './units';

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
  peakBytes: number;
  finalBytes: number;
  /** Resident memory over time. */
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
const COMPLAINT_LENGTH = 2000;

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
  return {
    allocator,
    runs,
    elapsedMs: middle((run) => run.elapsedMs),
    userMs: middle((run) => run.userMs),
    systemMs: middle((run) => run.systemMs),
    peakBytes: middle((run) => run.peakBytes),
    finalBytes: middle((run) => run.finalBytes),
    samples: byTime[byTime.length >> 1].samples,
  };
}

function environmentFor({ library }: Allocator): NodeJS.ProcessEnv {
  const bare = withoutPreload(process.env);
  return library === '' ? bare : withPreload(bare, library);
}

async function runOnce({ file, program, args }: ProgramLine, allocator: Allocator): Promise<Measured> {
  let sampler: Sampler | undefined;
  let complaint = '';
  const before = childrenTimes();
  const startMs = performance.now();
  const start = () => {
    const child = spawn(file, args, {
      argv0: program,
      env: environmentFor(allocator),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    sampler = new Sampler(child.pid ?? 0, allocator.library, startMs);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT_LENGTH);
    });
    return child;
  };
  const ending = await follow(start, program).finally(() => sampler?.end());
  const elapsedMs = performance.now() - startMs;
  const after = childrenTimes();
  if (ending.asked !== null) {
    throw new Interruption(ending.asked);
  }
  return {
    elapsedMs,
    userMs: after.userMs - before.userMs,
    systemMs: after.systemMs - before.systemMs,
    peakBytes: sampler?.peakBytes ?? 0,
    finalBytes: sampler?.samples.at(-1)?.residentBytes ?? 0,
    samples: sampler?.samples ?? [],
    ending: ending.signal ?? `exit code ${ending.code}`,
    complaint,
    missedLibrary: sampler?.missedLibrary ?? false,
  };
}
