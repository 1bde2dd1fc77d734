#!/usr/bin/env node
/**
 * The `hakmem` command. Exit codes: 0 done; 1 the work failed; 2 a mistake on the command line; 125 hakmem cannot stand in for
 * malloc here; 126 and 127 as in a shell, of a program that cannot be run and one that is not there; of `run`, the program's.
 * Standard output has the result only; progress and errors go to standard error.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readArguments, UsageError } from './arguments';
import { compare } from './compare';
import { Failure, reasonOf } from './failure';
import { DEFAULT_FILES_OPTIONS, files } from './files';
import { run } from './run';

async function perform(words: string[]): Promise<number> {
  const command = readArguments(words);
  switch (command.name) {
    case 'help':
      process.stdout.write(command.text);
      return 0;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return 0;
    case 'files':
      return files({ ...DEFAULT_FILES_OPTIONS, ...command.options });
    case 'run':
      return run(command.options);
    case 'compare':
      return compare(command.options);
  }
}

function version(): string {
  const file = path.join(__dirname, '../../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function report(error: unknown): number {
  const { code, message } = error as Error & { code?: string };
  // Node's messages of what the system refused begin with the code.
  process.stderr.write(`hakmem: ${code && !message.startsWith(code) ? `${code}: ` : ''}${message}\n`);
  if (error instanceof UsageError) {
    process.stderr.write("Try 'hakmem --help'.\n");
  }
  return error instanceof Failure ? error.exitCode : 1;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that went away (`hakmem files | head`) is no error.
  if (error.code === 'EPIPE') {
    process.exit(0);
  }
  process.exit(report(new Failure(1, `standard output cannot be written: ${reasonOf(error)}`)));
});

perform(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);
