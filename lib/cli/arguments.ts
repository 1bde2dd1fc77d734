/** The command line: what may stand there, and what it means. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { CompareOptions } from './compare';
import { Failure } from './failure';
import type { FilesOptions } from './files';
import type { RunOptions } from './run';

/** A mistake on the command line: reported in a sentence, exit code 2. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(2, message);
  }
}

const FILES_USAGE = `hakmem files [path]     read a tree of files (default: node_modules) into Buffers and compare
                          Node's own Buffers with both backends of hakmem, side by side
      --rounds <n>        runs of each contender, of which the median counts (default: 5)
      --passes <n>        how often a run reads the tree (default: by its size)
      --hold <MiB>        Buffers to hold, besides those in use (default: 1)
`;

const RUN_USAGE = `hakmem run [options] [--] program [args...]
                          run any program with hakmem as its malloc (Linux); its exit code is
                          the program's, 127 where there is no such program, 126 where it
                          cannot be run, 125 where hakmem cannot
      --stats             print what the allocator did, to standard error, when the program ends
      --no-inherit        programs that this one starts get the malloc they had before
`;

const COMPARE_USAGE = `hakmem compare [options] [--] program [args...]
                          run a program under the system's malloc, hakmem and every jemalloc,
                          mimalloc and tcmalloc that is installed, in turn, and compare time and
                          memory (Linux); its output is thrown away, its input is empty
      --runs <n>          runs under each, of which the median counts (default: 5)
      --plot <file>       the memory over time as a picture, too: an .svg or an .html file
      --library <file>    another malloc to compare, as <file> or <name>=<file>; may be repeated
`;

export const USAGE = `Usage: hakmem <command>

  ${FILES_USAGE}
  ${RUN_USAGE}
  ${COMPARE_USAGE}
  hakmem --help           this text; after a command, what it takes
  hakmem --version        the version
`;

export type Command =
  | { name: 'help'; text: string }
  | { name: 'version' }
  | { name: 'files'; options: Partial<FilesOptions> }
  | { name: 'run'; options: RunOptions }
  | { name: 'compare'; options: CompareOptions };

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

const FILES_OPTIONS = {
  ...HELP,
  rounds: { type: 'string' },
  passes: { type: 'string' },
  hold: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

const RUN_OPTIONS = {
  ...HELP,
  stats: { type: 'boolean' },
  'no-inherit': { type: 'boolean' },
} as const satisfies ParseArgsConfig['options'];

const COMPARE_OPTIONS = {
  ...HELP,
  runs: { type: 'string' },
  plot: { type: 'string' },
  library: { type: 'string', multiple: true },
} as const satisfies ParseArgsConfig['options'];

const COMMANDS: Record<string, (words: string[]) => Command> = {
  files: filesCommand,
  run: runCommand,
  compare: compareCommand,
};

/** @param words the words after the program's name. @throws UsageError. */
export function readArguments(words: string[]): Command {
  const [first, ...rest] = words;
  switch (first) {
    case '--help':
    case '-h':
      return { name: 'help', text: USAGE };
    case '--version':
    case '-v':
      return { name: 'version' };
    case undefined:
      throw new UsageError('which command?');
  }
  if (!Object.hasOwn(COMMANDS, first)) {
    throw new UsageError(first.startsWith('-') ? `there is no option '${first}'` : `there is no command '${first}'`);
  }
  return COMMANDS[first](rest);
}

// ---- the commands ----

function filesCommand(words: string[]): Command {
  const { values, positionals } = parsed(words, FILES_OPTIONS);
  if (values.help) {
    return help(FILES_USAGE);
  }
  if (positionals.length > 1) {
    throw new UsageError(`'files' takes one path, not ${positionals.length}: ${positionals.join(' ')}`);
  }
  const [root] = positionals;
  const { rounds, passes, hold } = values;
  return {
    name: 'files',
    options: {
      ...(root !== undefined && { root }),
      ...(rounds !== undefined && { rounds: countFrom('--rounds', rounds, 1000) }),
      ...(passes !== undefined && { passes: countFrom('--passes', passes, 1_000_000) }),
      ...(hold !== undefined && { workingSetBytes: countFrom('--hold', hold, 2 ** 24) * 2 ** 20 }),
    },
  };
}

function runCommand(words: string[]): Command {
  const [own, line] = splitAtProgram(words, RUN_OPTIONS);
  const { values } = parsed(own, RUN_OPTIONS);
  if (values.help) {
    return help(RUN_USAGE);
  }
  const options = { stats: values.stats ?? false, inherit: !values['no-inherit'] };
  return { name: 'run', options: { ...options, ...programOf('run', line) } };
}

function compareCommand(words: string[]): Command {
  const [own, line] = splitAtProgram(words, COMPARE_OPTIONS);
  const { values } = parsed(own, COMPARE_OPTIONS);
  if (values.help) {
    return help(COMPARE_USAGE);
  }
  const { plot, runs = '5', library = [] } = values;
  if (plot !== undefined && !/\.(svg|html)$/i.test(plot)) {
    throw new UsageError(`--plot takes a file that ends in .svg or .html, not '${plot}'`);
  }
  const options = { runs: countFrom('--runs', runs, 1000), plot: plot ?? '', libraries: library };
  return { name: 'compare', options: { ...options, ...programOf('compare', line) } };
}

function help(usage: string): Command {
  return { name: 'help', text: `Usage: ${usage}` };
}

// ---- words ----

type OptionTable = NonNullable<ParseArgsConfig['options']>;

/**
 * The words before the program are ours, the program's name and all behind it are its own, options too. A `--` before the
 * program may part them.
 */
function splitAtProgram(words: string[], table: OptionTable): [own: string[], line: string[]] {
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === '--') {
      return [words.slice(0, at), words.slice(at + 1)];
    }
    if (!word.startsWith('-') || word === '-') {
      return [words.slice(0, at), words.slice(at)];
    }
    if (table[word.slice(2)]?.type === 'string') {
      at++;
    }
  }
  return [words, []];
}

function programOf(command: string, [program, ...args]: string[]): { program: string; args: string[] } {
  if (program === undefined) {
    throw new UsageError(`'${command}' needs a program, as in: hakmem ${command} -- node server.js`);
  }
  return { program, args };
}

function parsed<Table extends OptionTable>(words: string[], options: Table) {
  try {
    return parseArgs({ args: words, options, allowPositionals: true });
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
