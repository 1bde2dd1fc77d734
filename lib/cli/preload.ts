/** The library that stands in for malloc: where it lies, and the environment that has a program load it. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { placesOf } from '../built-files';
import { Failure } from './failure';

const PRELOAD_FILE = 'libhakmem-preload.so';

/** hakmem cannot do this here. The exit code is that of env, nice and timeout: it says that not the program failed. */
export class NotHereError extends Failure {
  constructor(message: string) {
    super(125, message);
  }
}

/**
 * @returns the path of the preload library.
 * @throws NotHereError where there is none, or none that could be loaded.
 */
export function findPreloadLibrary(root?: string): string {
  if (process.platform !== 'linux') {
    throw new NotHereError(`standing in for malloc works on Linux only, and this is ${process.platform}`);
  }
  const files = placesOf(PRELOAD_FILE, root);
  const found = files.find((file) => existsSync(file));
  if (found === undefined) {
    throw new NotHereError(
      `the preload library is not built: there is no ${files.join(' and no ')} (npm run build:native makes it)`,
    );
  }
  const obstacle = obstacleTo(found);
  if (obstacle !== undefined) {
    throw new NotHereError(obstacle);
  }
  return found;
}

/** @returns why a library cannot be preloaded, wherever it lies; undefined if it can. */
export function obstacleTo(library: string): string | undefined {
  return /[\s:]/.test(library)
    ? `'${library}' has a space or a colon in its path, which LD_PRELOAD cannot express`
    : undefined;
}

/**
 * @param library comes first, so that its malloc is the one that counts; those that were there stay behind it.
 * @returns `environment` with the library to be preloaded; the same where it is already.
 */
export function withPreload(
  environment: NodeJS.ProcessEnv,
  library: string,
  glibc: string = runningGlibc(),
): NodeJS.ProcessEnv {
  const files = [library, ...partsOf(glibc)];
  const others = preloaded(environment).filter((file) => !files.includes(file));
  return { ...environment, LD_PRELOAD: [...files, ...others].join(':') };
}

/** @returns what a library finds in glibc since 2.34; before, only in programs that load these too. */
function partsOf(glibc: string): string[] {
  const [major, minor] = glibc.split('.').map(Number);
  return major === 2 && minor < 34 ? ['libpthread.so.0', 'libdl.so.2'] : [];
}

let glibcKnown: string | undefined;

/** @returns the version of the C library that this process has, as '2.36'; '' where it is not glibc. */
function runningGlibc(): string {
  if (glibcKnown === undefined) {
    const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    glibcKnown = header.glibcVersionRuntime ?? '';
  }
  return glibcKnown;
}

/** @returns `environment` as it is without hakmem. */
export function withoutPreload(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { LD_PRELOAD: _all, HAKMEM_STATS: _stats, HAKMEM_INHERIT: _inherit, ...rest } = environment;
  const others = preloaded(environment).filter((file) => path.basename(file) !== PRELOAD_FILE);
  return others.length === 0 ? rest : { ...rest, LD_PRELOAD: others.join(':') };
}

function preloaded({ LD_PRELOAD = '' }: NodeJS.ProcessEnv): string[] {
  return LD_PRELOAD.split(/[\s:]+/).filter((file) => file !== '');
}
