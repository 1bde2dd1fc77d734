/** Starts one measurement in a process of its own, with any runtime. */
import { spawn } from 'node:child_process';
import path from 'node:path';

const CHILD = path.join(import.meta.dirname, 'child.mjs');
/** Errors that say what hakmem has not here, as opposed to what went wrong. */
const ABSENT = new Set(['ERR_HAKMEM_BACKEND', 'ERR_HAKMEM_NOT_SHAREABLE']);
/** Far more than any measurement takes. */
const LIMIT_MS = 120_000;

/**
 * @param backend of hakmem to force; '' or undefined for none.
 * @returns `{ result }`, `{ absent }` where the backend cannot be had, or `{ failed }`, with the reason.
 */
export async function launch(runtime, task, backend) {
  const answer = await runChild(runtime, task, backend);
  if (answer.result) {
    return { result: answer.result };
  }
  const { code, message } = answer.error;
  return ABSENT.has(code) ? { absent: message } : { failed: message };
}

function runChild(runtime, task, backend) {
  const { HAKMEM_BACKEND: _inherited, ...environment } = process.env;
  const env = backend ? { ...environment, HAKMEM_BACKEND: backend } : environment;
  const child = spawn(runtime.path, [CHILD, JSON.stringify(task)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  return new Promise((resolve) => {
    child.once('error', ({ code, message }) => resolve({ error: { code, message } }));
    child.once('close', (code, signal) => resolve(parse(output, signal ?? `exit code ${code}`)));
  }).finally(() => clearTimeout(timer));
}

function parse({ stdout, stderr }, end) {
  try {
    return JSON.parse(stdout.trimEnd().split('\n').at(-1));
  } catch {
    const lastWords = stderr.trim().split('\n').slice(-3).join(' / ');
    return { error: { code: '', message: `the process ended without a result (${end}) ${lastWords}`.trimEnd() } };
  }
}
