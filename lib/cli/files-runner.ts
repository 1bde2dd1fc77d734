/** Runs the contenders in fresh processes, in turn and several rounds, and takes the medians. */
import { fork } from 'node:child_process';
import path from 'node:path';
import { median } from '../units';
import { CONTENDERS, type ContenderName, TITLES } from './contenders';
import type { FromChild, ToChild } from './files-child';
import type { FilesResult, FilesTask } from './files-work';
import type { Progress } from './progress';

/** What a contender's runs came to; a reason where it could not run. */
export type Standing = { contender: ContenderName } & ({ result: FilesResult } | { absent: string });

/** The backend is not there; the contender is then left out, and the reason shown. */
const ABSENT_CODE = 'ERR_HAKMEM_BACKEND';

/** In place of a digest, where the rounds of one contender had not the same. */
export const DIFFERS = 'differs between rounds';

class RunError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export async function runContenders(task: FilesTask, rounds: number, progress: Progress): Promise<Standing[]> {
  const results = new Map<ContenderName, FilesResult[]>(CONTENDERS.map((name) => [name, []]));
  const absent = new Map<ContenderName, string>();
  const roundBytes = task.passes * task.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  for (let round = 0; round < rounds; round++) {
    for (const contender of CONTENDERS) {
      if (absent.has(contender)) {
        progress.advance(roundBytes);
        continue;
      }
      progress.begin(`${TITLES[contender]}, round ${round + 1} of ${rounds}`);
      try {
        results.get(contender)?.push(await runOnce({ contender, task }, progress));
      } catch (error) {
        if (!(error instanceof RunError && error.code === ABSENT_CODE)) {
          throw error;
        }
        absent.set(contender, error.message);
        progress.advance(roundBytes);
      }
    }
  }
  return CONTENDERS.map((contender) => {
    const reason = absent.get(contender);
    return reason === undefined
      ? { contender, result: medians(results.get(contender) ?? []) }
      : { contender, absent: reason };
  });
}

function runOnce(message: ToChild, progress: Progress): Promise<FilesResult> {
  const { HAKMEM_BACKEND: _inherited, ...environment } = process.env;
  const backend = message.contender === 'node' ? {} : { HAKMEM_BACKEND: message.contender };
  const child = fork(path.join(__dirname, 'files-child.js'), { env: { ...environment, ...backend } });
  return new Promise((resolve, reject) => {
    child.on('message', (answer: FromChild) => {
      if ('progressBytes' in answer) {
        progress.advance(answer.progressBytes);
      } else if ('result' in answer) {
        // Not before it is gone: the next run shall have the machine to itself.
        child.once('exit', () => resolve(answer.result));
      } else {
        reject(new RunError(answer.error.code, answer.error.message));
      }
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      reject(new RunError('', `the process of ${TITLES[message.contender]} ended ${how} before its result`));
    });
    child.send(message);
  });
}

/** The median of every number, but of the unreadable the most; what is no number is taken from the last run. */
function medians(runs: FilesResult[]): FilesResult {
  const last = runs[runs.length - 1];
  const numbers = Object.entries(last).filter(([, value]) => typeof value === 'number') as [
    keyof FilesResult,
    number,
  ][];
  const middle = numbers.map(([name]) => [name, median(runs.map((run) => run[name] as number))]);
  const digest = runs.every((run) => run.digest === last.digest) ? last.digest : DIFFERS;
  const unreadable = Math.max(...runs.map((run) => run.unreadable));
  return { ...last, ...(Object.fromEntries(middle) as Partial<FilesResult>), digest, unreadable };
}
