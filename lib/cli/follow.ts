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
/**
 * All that can be caught, but for these: what this process's own mistakes raise (SEGV, BUS, FPE, ILL, TRAP, ABRT, SYS, PIPE); what
 * Node and the engine live by (CHLD, PROF); and TTIN and TTOU, by which a terminal stops the whole job, this process too.
 */
const PASSED_ON: readonly NodeJS.Signals[] = [
  ...ASKING,
  ...(['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGTSTP', 'SIGCONT', 'SIGWINCH'] as const),
  ...(['SIGURG', 'SIGIO', 'SIGPWR', 'SIGSTKFLT', 'SIGXCPU', 'SIGXFSZ'] as const),
];
/**
 * What a terminal sends to all processes in its foreground, so that the program has it already. SIGCONT, which a shell sends to all
 * of a job, is not among them, since nothing tells it from one to this process alone: the program may get it twice.
 */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGWINCH'];

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
    if (signal === 'SIGTSTP') {
      stopToo(passOn);
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

/**
 * Whoever listens for SIGTSTP does not stop by it, and the shell that has this job would wait for ever. The same signal comes again
 * without the listener, and not SIGSTOP: where nobody could continue the job, the system has it stop neither process.
 */
function stopToo(listener: NodeJS.SignalsListener): void {
  process.off('SIGTSTP', listener);
  process.kill(process.pid, 'SIGTSTP');
  process.on('SIGTSTP', listener);
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
