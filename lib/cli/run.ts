/**
 * `hakmem run -- program args...`: the program with hakmem as its malloc. It gets this process's standard streams and
 * environment, and the signals that come here; it ends, and this process ends the same way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { endBy, follow } from './follow';
import { findPreloadLibrary, withPreload } from './preload';
import { findProgram, isStatic } from './program';

export interface RunOptions {
  program: string;
  args: string[];
  /** Print what the allocator did, at the end. */
  stats: boolean;
  /** Programs that this one starts get hakmem too. */
  inherit: boolean;
}

/** @returns the exit code. Where a signal ended the program, the same one ends this process. */
export async function run(options: RunOptions): Promise<number> {
  const library = findPreloadLibrary();
  const file = findProgram(options.program, process.env);
  if (isStatic(file)) {
    process.stderr.write(`hakmem: '${file}' is linked statically: it keeps its own malloc\n`);
  }
  const env = environmentFor(library, options);
  const { code, signal } = await follow(() => start(file, options, env), options.program);
  return signal === null ? (code ?? 1) : endBy(signal);
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
