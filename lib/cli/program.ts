/** A program that is named on the command line, found as a shell finds it. */
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { firstPage } from '../built-files';
import { Failure, reasonOf } from './failure';

/** The program cannot be started. The exit code is that of shells: 127 where there is none, 126 where it cannot be run. */
export class ProgramError extends Failure {
  constructor(exitCode: 126 | 127, message: string) {
    super(exitCode, message);
  }
}

/**
 * @param name a path, or a name to be looked up in PATH.
 * @returns the path of the file.
 * @throws ProgramError 127 where there is none, 126 where it may not be run.
 */
export function findProgram(name: string, { PATH = '/usr/local/bin:/usr/bin:/bin' }: NodeJS.ProcessEnv): string {
  if (name.includes('/')) {
    return runnable(name);
  }
  const candidates = PATH.split(':').map((directory) => path.join(directory || '.', name));
  const refused = candidates.filter((file) => isFile(file));
  const found = refused.find((file) => mayRun(file));
  if (found === undefined && refused.length > 0) {
    throw new ProgramError(126, `'${refused[0]}' may not be run: it is not executable`);
  }
  if (found === undefined) {
    throw new ProgramError(127, `there is no program '${name}' in PATH`);
  }
  return path.resolve(found);
}

function runnable(file: string): string {
  const found = look(file);
  if (found === undefined) {
    throw new ProgramError(127, `there is no program '${file}'`);
  }
  if (!found.isFile() || !mayRun(file)) {
    throw new ProgramError(126, `'${file}' may not be run: it is ${found.isFile() ? 'not executable' : 'no file'}`);
  }
  return file;
}

/** @throws ProgramError where the way to the file is barred: a directory that one may not enter, or that is none, a loop of links. */
function look(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw new ProgramError(126, `'${file}' cannot be run: ${reasonOf(error)}`);
  }
}

/** @returns whether there is a file of that name, or a symbolic link to one. */
export function isFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    // Behind a directory that one may not enter, or one that is none: a shell goes on looking too.
    return false;
  }
}

function mayRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Errors of starting that are not the program's: there was no room for another process. */
const NO_ROOM: readonly (string | undefined)[] = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'];

/** What the error of starting a program that was found means. @returns undefined for an error of another kind. */
export function startError(name: string, error: NodeJS.ErrnoException): Failure | undefined {
  if (!error.syscall?.startsWith('spawn')) {
    return undefined;
  }
  if (error.code === 'ENOENT') {
    // The file is there, so what is missing is what its first line or its header names.
    return new ProgramError(127, `'${name}' cannot be run: its interpreter is missing`);
  }
  const message = `'${name}' cannot be run: ${reasonOf(error)}`;
  return NO_ROOM.includes(error.code) ? new Failure(125, message) : new ProgramError(126, message);
}

const PROGRAM_HEADER_INTERPRETER = 3;

/** @returns whether the file is a program that loads no libraries, so that none can stand in for its malloc. */
export function isStatic(file: string): boolean {
  try {
    const head = firstPage(file);
    return head.subarray(0, 6).equals(Buffer.from('\x7fELF\x02\x01', 'latin1')) && !hasInterpreter(head);
  } catch {
    // What may be run need not be readable.
    return false;
  }
}

/** Of a 64-bit little-endian ELF file, by its table of program headers. */
function hasInterpreter(head: Buffer): boolean {
  const start = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  for (let at = 0; at < count; at++) {
    const header = start + at * size;
    if (header + 4 > head.length || head.readUInt32LE(header) === PROGRAM_HEADER_INTERPRETER) {
      return true;
    }
  }
  return false;
}
