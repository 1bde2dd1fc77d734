/** Whose malloc is compared: the system's, hakmem's, and every other that is installed. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './arguments';
import { findPreloadLibrary, obstacleTo } from './preload';
import { isFile } from './program';

export interface Allocator {
  title: string;
  /** The library to preload; '' for the system's own malloc. */
  library: string;
}

/** Folders in which libraries are installed; Debian's has one more level, by the kind of machine. */
const FOLDERS = ['/usr/local/lib', '/usr/lib', '/usr/lib64', '/lib64'];
const TRIPLET = /^\w+-linux-gnu\w*$/;

/** The peers, by the names under which distributions install them; the first name that is there counts. */
const PEERS: { title: string; files: string[] }[] = [
  { title: 'jemalloc', files: ['libjemalloc.so.2', 'libjemalloc.so'] },
  { title: 'mimalloc', files: ['libmimalloc.so.3', 'libmimalloc.so.2', 'libmimalloc.so'] },
  { title: 'tcmalloc', files: ['libtcmalloc_minimal.so.4', 'libtcmalloc.so.4', 'libtcmalloc_minimal.so'] },
];

/**
 * @param more further libraries, each `<file>` or `<name>=<file>`.
 * @returns the system's malloc first, then hakmem, then the peers.
 * @throws NotHereError where hakmem cannot be preloaded; UsageError where a named library is not there.
 */
export function findAllocators(more: readonly string[]): Allocator[] {
  const folders = libraryFolders();
  const peers = PEERS.flatMap(({ title, files }) => {
    const library = files
      .flatMap((file) => folders.map((folder) => path.join(folder, file)))
      .find((file) => isFile(file));
    return library === undefined ? [] : [{ title, library }];
  });
  const own = { title: 'hakmem', library: findPreloadLibrary() };
  return distinct([{ title: 'system', library: '' }, own, ...peers, ...more.map(named)]);
}

function libraryFolders(): string[] {
  return FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) => {
    const triplets = readdirSync(folder).filter((name) => TRIPLET.test(name));
    return [...triplets.map((name) => path.join(folder, name)), folder];
  });
}

function named(text: string): Allocator {
  const [, title, file] = /^(?:([^/=]+)=)?(.*)$/s.exec(text) ?? [];
  const library = path.resolve(file);
  // Not `library`: of an empty name that is the working directory.
  if (!isFile(file)) {
    throw new UsageError(`there is no library '${file}'`);
  }
  const obstacle = obstacleTo(library);
  if (obstacle !== undefined) {
    throw new UsageError(obstacle);
  }
  return { title: title ?? path.basename(library).replace(/^lib|\.so.*$/g, ''), library };
}

/** Two of the same title are told apart by a number. */
function distinct(allocators: Allocator[]): Allocator[] {
  return allocators.map((allocator, at) => {
    const same = allocators.slice(0, at).filter(({ title }) => title === allocator.title).length;
    return same === 0 ? allocator : { ...allocator, title: `${allocator.title} (${same + 1})` };
  });
}
