/** The bench's modules for its tests. They are plain JavaScript that ships with nothing, so their types are said here. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const BENCH = path.join(__dirname, '../../bench');

/** @returns what a module of the bench exports. */
export async function load<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(path.join(BENCH, file)).href)) as T;
}
