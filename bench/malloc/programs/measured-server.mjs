/**
 * A server that is measured: it alone runs under the malloc that the bench names by HAKMEM_BENCH_LIBRARY, in its launcher. Whoever
 * drives it prints a line of JSON at the end as the launcher does, with `elapsedMs` of its own and `output`, which must always be the same.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const { HAKMEM_BENCH_LAUNCHER: launcher, HAKMEM_BENCH_LIBRARY: library } = process.env;

/** For what the server needs; it goes with this process. */
export const folder = mkdtempSync(path.join(tmpdir(), 'hakmem-server-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** @returns its `stdout`, and `ended`: what the launcher has measured, once the server has ended. */
export function startServer(command) {
  const server = spawn(launcher, [library, ...command], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  const closed = once(server, 'close');
  const report = text(server.stdio[3]);
  return { stdout: server.stdout, ended: closed.then(async () => JSON.parse(await report)) };
}
