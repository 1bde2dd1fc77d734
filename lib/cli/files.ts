/**
 * `hakmem files [path]`: the same real work with Node's Buffers and with both backends of hakmem, side by side.
 * It reads a whole tree of files, so the sizes, and the order in which they come, are not ours to choose.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { bytesText, plural } from '../units';
import { UsageError } from './arguments';
import { CONTENDERS } from './contenders';
import { Failure } from './failure';
import { reportLines, sameDigest, unreadFiles } from './files-report';
import { runContenders, type Standing } from './files-runner';
import { Progress } from './progress';
import { type Tree, walkTree } from './tree';

export interface FilesOptions {
  root: string;
  rounds: number;
  /** Bytes of Buffers to hold at once. */
  workingSetBytes: number;
  /** How often the tree is read in a run; 0 to choose by its size. */
  passes: number;
}

export const DEFAULT_FILES_OPTIONS: FilesOptions = {
  root: 'node_modules',
  rounds: 5,
  // A file is read, used and let go: so most programs do, and then memory can be used again.
  workingSetBytes: 2 ** 20,
  passes: 0,
};

/** A small tree is read again until a run has seen so many bytes. */
const RUN_BYTES = 640 * 2 ** 20;
const PASSES_LIMIT = 200;

const SMALLEST_WIDTH = 20;

/** @returns the exit code. */
export async function files(options: FilesOptions): Promise<number> {
  const tree = openTree(options.root);
  const passes = options.passes || Math.max(1, Math.min(PASSES_LIMIT, Math.round(RUN_BYTES / tree.totalBytes)));
  const width = Math.max(SMALLEST_WIDTH, process.stdout.columns ?? 80);
  print(planLines(options, tree, passes));

  const { rounds, workingSetBytes } = options;
  const progress = new Progress(tree.totalBytes * passes * rounds * CONTENDERS.length);
  const standings = await runContenders({ files: tree.files, passes, workingSetBytes }, rounds, progress).finally(() =>
    progress.end(),
  );
  checkRead(tree, standings);
  print(['', ...reportLines(standings, width)]);
  if (!sameDigest(standings)) {
    throw new Failure(1, 'the contents read differ: did the files change meanwhile?');
  }
  return 0;
}

/** @throws Failure where nothing was read, so that there is nothing to compare. */
function checkRead(tree: Tree, standings: readonly Standing[]): void {
  const withContents = tree.files.filter(({ sizeBytes }) => sizeBytes > 0);
  if (unreadFiles(standings) >= withContents.length) {
    throw new Failure(1, 'none of the files could be read whole');
  }
}

function openTree(root: string): Tree {
  if (!existsSync(root)) {
    throw new UsageError(`there is no '${root}'; name a directory to read, as in: hakmem files /usr/share`);
  }
  let tree: Tree;
  try {
    tree = walkTree(root);
  } catch (error) {
    throw new UsageError(`'${root}' cannot be read: ${(error as Error).message}`);
  }
  if (tree.totalBytes === 0 && tree.unreadable > 0) {
    throw new Failure(1, `'${root}' has no contents that can be read; left out: ${tree.unreadable}`);
  }
  if (tree.totalBytes === 0) {
    throw new UsageError(`'${root}' has no file with any contents; name another directory`);
  }
  return tree;
}

function planLines({ root, rounds, workingSetBytes }: FilesOptions, tree: Tree, passes: number): string[] {
  const what = `${plural(tree.files.length, 'file')}, ${bytesText(tree.totalBytes)}`;
  const skipped = tree.unreadable > 0 ? [`Left out, for they cannot be read: ${tree.unreadable}.`] : [];
  return [
    `${path.resolve(root)}: ${what}`,
    `Each run reads them ${passes === 1 ? 'once' : `${passes} times`}, whole, and holds the last ${bytesText(workingSetBytes)} besides those in use.`,
    `Medians of ${plural(rounds, 'round')}, each contender in a fresh process. Node ${process.version}.`,
    ...skipped,
  ];
}

function print(lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
