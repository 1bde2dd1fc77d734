/** What Linux tells of processes in /proc. A process may end while one looks: then there is nothing to tell. */
import { readdirSync, readFileSync } from 'node:fs';

/** Length of a clock tick as /proc counts them: the same on all machines that Node runs on. */
const TICK_MS = 10;

/** @returns resident bytes of the process now, and the most that there ever were; 0 and 0 where it has ended. */
export function residentBytes(pid: number): { now: number; peak: number } {
  const status = read(`/proc/${pid}/status`);
  return { now: kibibytes(status, 'VmRSS'), peak: kibibytes(status, 'VmHWM') };
}

function kibibytes(status: string, name: string): number {
  const at = status.indexOf(`\n${name}:`);
  return at < 0 ? 0 : Number.parseInt(status.slice(at + name.length + 2), 10) * 1024;
}

/** @returns the process and all that descend from it. */
export function processTree(root: number): number[] {
  const found = [root];
  for (let at = 0; at < found.length; at++) {
    found.push(...childrenOf(found[at]));
  }
  return found;
}

function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(' ')
      .filter((child) => child !== '')
      .map(Number),
  );
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/**
 * @param file its path without symbolic links: so the system names it.
 * @returns whether the process has the file mapped.
 */
export function hasMapped(pid: number, file: string): boolean {
  // A line is numbers and letters, and then the path if there is one.
  return read(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .some((line) => line.slice(line.indexOf('/')) === file);
}

/** @returns the processor time of all children of this process that have ended, and of their children. */
export function childrenTimes(): { userMs: number; systemMs: number } {
  const fields = ownStat();
  return { userMs: Number(fields[13]) * TICK_MS, systemMs: Number(fields[14]) * TICK_MS };
}

/** Whether the terminal's foreground is this process's group, so that what is typed there becomes signals to all of it. */
export function isInForeground(): boolean {
  const [, , group, , , foreground] = ownStat();
  return group !== undefined && group === foreground;
}

/** @returns the fields of this process's `stat` from its state on: its name before may have blanks in it. */
function ownStat(): string[] {
  const stat = read('/proc/self/stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(file: string, encoding: 'latin1' | 'utf8' = 'latin1'): string {
  try {
    return readFileSync(file, encoding);
  } catch {
    return '';
  }
}
