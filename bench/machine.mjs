/** Where a measurement was made, so that raw results can be compared with care or not at all. */
import { spawnSync } from 'node:child_process';
import os from 'node:os';

export function describeMachine() {
  const [cpu] = os.cpus();
  return {
    commit: git('rev-parse', 'HEAD'),
    uncommittedChanges: git('status', '--porcelain') !== '',
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
    cpu: cpu?.model.trim() ?? 'unknown',
    cpus: os.cpus().length,
    memoryBytes: os.totalmem(),
    // More than a little work of others makes the figures worth less.
    loadBefore: os.loadavg()[0],
  };
}

/** @returns what git says, or null outside a repository. */
function git(...words) {
  const run = spawnSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : null;
}
