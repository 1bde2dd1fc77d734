/** What ends a command: the errors that are told in a sentence. */
import { getSystemErrorMap } from 'node:util';

/** A command that cannot do what it was asked for: told in a sentence, and by its exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param error what a call to the system threw. @returns for instance 'permission denied'. */
export function reasonOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return getSystemErrorMap().get(errno ?? 0)?.[1] ?? message;
}
