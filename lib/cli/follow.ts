/**
 * A program that is started, passed the signals that come here meanwhile, and waited for.
 *
 * The listeners are there before the program is, so that no signal can come too early for it, and are gone when it has ended.
 */
import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { isInForeground } from './proc';
import { startError } from './program';

/** They ask to end; the others mean what the program makes of them. */
const ASKING: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];
const PASSED_ON: readonly NodeJS.Signals[] = [...ASKING, 'SIGUSR1', 'SIGUSR2'];
/** What a terminal sends to all processes in its foreground, so that the program has it already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** How a program ended: one of the two is null. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last signal that asked this process to end; the program has got it, too. */
  asked: NodeJS.Signals | null;
}

/**
 * @param program its name as it was typed.
 * @throws what `startError` makes of an error of starting it.
 */
export async function follow(start: () => ChildProcess, program: string): Promise<Ending> {
  let child: ChildProcess | undefined;
  let asked: NodeJS.Signals | null = null;
  const passOn = (signal: NodeJS.Signals) => {
    if (ASKING.includes(signal)) {
      asked = signal;
    }
    if (!(FROM_TERMINAL.includes(signal) && isInForeground())) {
      child?.kill(signal);
    }
  };
  for (const signal of PASSED_ON) {
    process.on(signal, passOn);
  }
  try {
    child = start();
    const { code, signal } = await endOf(child);
    return { code, signal, asked };
  } catch (error) {
    throw startError(program, error as NodeJS.ErrnoException) ?? error;
  } finally {
    for (const signal of PASSED_ON) {
      process.off(signal, passOn);
    }
  }
}

function endOf(child: ChildProcess): Promise<Omit<Ending, 'asked'>> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      // One that runs may refuse our signals, being another user's: then it goes on.
      if (child.pid === undefined) {
        reject(error);
      }
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Ends this process by a signal. @returns the exit code of shells for it, where the signal does not end this one. */
export async function endBy(signal: NodeJS.Signals): Promise<number> {
  process.kill(process.pid, signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  return 128 + os.constants.signals[signal];
}
