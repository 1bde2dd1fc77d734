/** The files of a directory tree, found without following symbolic links; the root itself may be one. */
import { accessSync, constants, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

export interface TreeFile {
  path: string;
  sizeBytes: number;
}

export interface Tree {
  files: TreeFile[];
  totalBytes: number;
  /** Directories that could not be looked at, and files that may not be opened. */
  unreadable: number;
}

/**
 * @param root a directory, or a single file, or a symbolic link to one.
 * @returns its regular files in the order of their names, the same at every call.
 * @throws the error of the file system where `root` itself cannot be read.
 */
export function walkTree(root: string): Tree {
  const tree: Tree = { files: [], totalBytes: 0, unreadable: 0 };
  if (statSync(root).isFile()) {
    addFile(tree, realpathSync(root));
    return tree;
  }
  const pending = [root];
  readdirSync(root);
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const below = visit(tree, directory);
    pending.push(...below.reverse());
  }
  return tree;
}

/** Adds a directory's files. @returns its directories. */
function visit(tree: Tree, directory: string): string[] {
  const below: string[] = [];
  const entries = quietly(tree, () => readdirSync(directory, { withFileTypes: true })) ?? [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      below.push(full);
    } else if (entry.isFile()) {
      addFile(tree, full);
    }
  }
  return below;
}

function addFile(tree: Tree, file: string): void {
  const stat = quietly(tree, () => {
    accessSync(file, constants.R_OK);
    return lstatSync(file);
  });
  if (stat) {
    tree.files.push({ path: file, sizeBytes: stat.size });
    tree.totalBytes += stat.size;
  }
}

/** A tree in use changes, and has corners that one may not see: count them and go on. */
function quietly<T>(tree: Tree, look: () => T): T | undefined {
  try {
    return look();
  } catch {
    tree.unreadable++;
    return undefined;
  }
}
