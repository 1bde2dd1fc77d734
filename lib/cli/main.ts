#!/usr/bin/env node
/**
 * The `hakmem` command. Exit codes: 0 done; 1 the work failed; 2 a mistake on the command line; of `run`, the program's.
 * Standard output has the result only; progress and errors go to standard error.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readArguments, UsageError } from './arguments';
import { compare } from './compare';
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
  if (error instanceof UsageError) {
    process.stderr.write(`hakmem: ${error.message}\nTry 'hakmem --help'.\n`);
    return 2;
  }
  const { code, message } = error as Error & { code?: string };
  process.stderr.write(`hakmem: ${code ? `${code}: ` : ''}${message}\n`);
  return 1;
}

// A reader that went away (`hakmem files | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

perform(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error);
  },
);
