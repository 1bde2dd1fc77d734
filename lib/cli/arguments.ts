/** The command line: what may stand there, and what it means. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { FilesOptions } from './files';

/** A mistake on the command line: reported in a sentence, exit code 2. */
export class UsageError extends Error {}

export const USAGE = `Usage: hakmem <command>

  hakmem files [path]     read a tree of files (default: node_modules) into Buffers and compare
                          Node's own Buffers with both backends of hakmem, side by side
      --rounds <n>        runs of each contender, of which the median counts (default: 5)
      --passes <n>        how often a run reads the tree (default: by its size)
      --hold <MiB>        Buffers to hold at once (default: 256)

  hakmem --help           this text
  hakmem --version        the version
`;

export type Command = { name: 'help' } | { name: 'version' } | { name: 'files'; options: Partial<FilesOptions> };

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  rounds: { type: 'string' },
  passes: { type: 'string' },
  hold: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** @param words the words after the program's name. @throws UsageError. */
export function readArguments(words: string[]): Command {
  const { values, positionals } = parsed(words);
  if (values.help) {
    return { name: 'help' };
  }
  if (values.version) {
    return { name: 'version' };
  }
  const [command, ...rest] = positionals;
  if (command === undefined) {
    throw new UsageError('which command?');
  }
  if (command !== 'files') {
    throw new UsageError(`there is no command '${command}'`);
  }
  if (rest.length > 1) {
    throw new UsageError(`'files' takes one path, not ${rest.length}: ${rest.join(' ')}`);
  }
  return { name: 'files', options: filesOptions(values, rest[0]) };
}

type Values = ReturnType<typeof parsed>['values'];

function filesOptions({ rounds, passes, hold }: Values, root: string | undefined): Partial<FilesOptions> {
  return {
    ...(root !== undefined && { root }),
    ...(rounds !== undefined && { rounds: countFrom('--rounds', rounds, 1000) }),
    ...(passes !== undefined && { passes: countFrom('--passes', passes, 1_000_000) }),
    ...(hold !== undefined && { workingSetBytes: countFrom('--hold', hold, 2 ** 24) * 2 ** 20 }),
  };
}

function parsed(words: string[]) {
  try {
    return parseArgs({ args: words, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Node's message names the option; what it says beyond the first sentence is for programmers.
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

function countFrom(option: string, text: string, most: number): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > most) {
    throw new UsageError(`${option} takes a whole number from 1 to ${most}, not '${text}'`);
  }
  return count;
}
