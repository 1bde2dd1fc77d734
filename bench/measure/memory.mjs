/** Resident memory of this process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const IDLE_MS = 100;

export function residentBytes() {
  return process.memoryUsage().rss;
}

/** Forgets the peak so far, where the system allows. */
export function resetPeak() {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Then the peak is that since the process started.
  }
}

/** @returns the peak. Not `maxRSS` where it can be helped: on Linux a process inherits that from the one that started it. */
export function peakResidentBytes() {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return Number(kib) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

/** @returns resident memory after a rest, and after a full collection and another rest: what the process keeps in any case. */
export async function restingBytes() {
  await setTimeout(IDLE_MS);
  const idle = residentBytes();
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await setTimeout(IDLE_MS / 4);
  }
  return { residentIdleBytes: idle, residentCollectedBytes: residentBytes() };
}

function collect() {
  if (globalThis.Bun) {
    globalThis.Bun.gc(true);
    return;
  }
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
