/** One run of one program under one malloc, in a fresh process, measured by the launcher (launcher.c). */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { openSync } from 'node:fs';
import { builtProgram, SCRATCH } from './build.mjs';

/** Far more than any run takes. */
const LIMIT_MS = 600_000;
/** Of the output that is kept in memory; all of it goes into the digest. */
const KEPT_LENGTH = 65_536;
const COMPLAINT_LENGTH = 2000;

/**
 * @param workload a row of the tables. @param library to preload; '' for none.
 * @returns `{ elapsedMs, userMs, systemMs, peakBytes, timeMs, output, digest }`, and `idleBytes` of what rests in the end.
 * @throws Error where the program fails, does not load the library or runs for too long.
 */
export async function launch(workload, library, command = workload.command) {
  const run = await runToEnd(workload, library, command);
  if (run.stderr.includes('cannot be preloaded')) {
    throw new Error(lastLine(run.stderr));
  }
  const reported = workload.driver ? run.output : run.report;
  const { output = run.output, ...measured } = parsed(reported, run);
  if (measured.exitCode !== 0) {
    const ending = measured.signal ? `signal ${measured.signal}` : `exit code ${measured.exitCode}`;
    throw new Error(`it ended with ${ending}: ${lastLine(run.stderr)}`.replace(/: $/, ''));
  }
  if (workload.rests) {
    Object.assign(measured, parsed(run.stderr, run));
  }
  const digest = workload.driver ? output : run.digest;
  return { ...measured, timeMs: workload.timeMs?.(output) ?? measured.elapsedMs, output, digest, stderr: run.stderr };
}

function parsed(text, { ending, stderr }) {
  try {
    return JSON.parse(text.trim().split('\n').at(-1));
  } catch {
    throw new Error(`it was not measured (${ending}): ${lastLine(stderr)}`);
  }
}

/** A driver gets no library itself: it starts the program that is measured. */
function start({ driver, brisk, stdin }, library, command) {
  const { LD_PRELOAD: _preload, HAKMEM_STATS: _stats, ...environment } = process.env;
  const launcher = builtProgram('launcher');
  const preloaded = [library, brisk ? builtProgram('brisk.so') : ''].filter(Boolean).join(':') || '-';
  const env = driver
    ? { ...environment, HAKMEM_BENCH_LAUNCHER: launcher, HAKMEM_BENCH_LIBRARY: preloaded }
    : environment;
  const [program, ...args] = driver ? command : [launcher, preloaded, ...command];
  const input = stdin ? openSync(stdin, 'r') : 'ignore';
  // A group of its own, so that all of it can be ended.
  return spawn(program, args, { cwd: SCRATCH, env, stdio: [input, 'pipe', 'pipe', 'pipe'], detached: true });
}

function runToEnd(workload, library, command) {
  const child = start(workload, library, command);
  const hash = createHash('sha256');
  const texts = { output: '', stderr: '', report: '' };
  child.stdout.on('data', (bytes) => {
    hash.update(bytes);
    texts.output = (texts.output + bytes).slice(-KEPT_LENGTH);
  });
  child.stderr.on('data', (bytes) => {
    texts.stderr = (texts.stderr + bytes).slice(-COMPLAINT_LENGTH);
  });
  child.stdio[3].on('data', (bytes) => {
    texts.report += bytes;
  });
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), workload.limitMs ?? LIMIT_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ ...texts, digest: hash.digest('hex'), ending: signal ?? `exit code ${code}` }),
    );
  }).finally(() => clearTimeout(timer));
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}
