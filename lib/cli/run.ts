/**
 * `hakmem run -- program args...`: the program with hakmem as its malloc. It gets this process's standard streams and
 * environment, and the signals that come here; it ends, and this process ends the same way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { findPreloadLibrary, withPreload } from './preload';
import { findProgram, isStatic, startError } from './program';

export interface RunOptions {
  program: string;
  args: string[];
  /** Print what the allocator did, at the end. */
  stats: boolean;
  /** Programs that this one starts get hakmem too. */
  inherit: boolean;
}

const PASSED_ON = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;
/** What a terminal sends to all processes in its foreground, so that the program has it already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** @returns the exit code. Where a signal ended the program, the same one ends this process. */
export async function run(options: RunOptions): Promise<number> {
  const library = findPreloadLibrary();
  const file = findProgram(options.program, process.env);
  if (isStatic(file)) {
    process.stderr.write(`hakmem: '${file}' is linked statically: it keeps its own malloc\n`);
  }
  const env = environmentFor(library, options);
  return follow(() => start(file, options, env), options.program);
}

function environmentFor(library: string, { stats, inherit }: RunOptions): NodeJS.ProcessEnv {
  return {
    ...withPreload(process.env, library),
    ...(stats && { HAKMEM_STATS: '1' }),
    ...(!inherit && { HAKMEM_INHERIT: '0' }),
  };
}

function start(file: string, { program, args }: RunOptions, env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(file, args, { argv0: program, env, stdio: 'inherit' });
}

/** The listeners are there before the program is, so that no signal can come too early for it. */
function follow(start: () => ChildProcess, program: string): Promise<number> {
  let child: ChildProcess | undefined;
  const listeners = PASSED_ON.map((signal) => {
    const passOn = () => {
      if (!(FROM_TERMINAL.includes(signal) && isInForeground())) {
        child?.kill(signal);
      }
    };
    process.on(signal, passOn);
    return { signal, passOn };
  });
  child = start();
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(startError(program, error) ?? error));
    child.once('exit', (code, signal) => {
      for (const { signal: heard, passOn } of listeners) {
        process.off(heard, passOn);
      }
      resolve(signal === null ? (code ?? 1) : endBy(signal));
    });
  });
}

/** Ends this process as the program ended. @returns the exit code of shells for it, where the signal does not end this one. */
async function endBy(signal: NodeJS.Signals): Promise<number> {
  process.kill(process.pid, signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  return 128 + os.constants.signals[signal];
}

/** Whether the terminal's foreground is this process's group, so that what is typed there becomes signals to all of it. */
function isInForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}
