/** Load for a WebSocket echo: connections that each send a message, wait for it to come back, and send the next. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { Histogram } from '../measure/histogram.mjs';

/**
 * @param load `{ port, connections, durationMs, sizeBytes }`.
 * @returns `{ requests, durationMs, p50Ms, p99Ms, errors }`; an answer that is not what was sent is an error.
 */
export async function loadEcho({ port, connections, durationMs, sizeBytes }) {
  const sockets = Array.from({ length: connections }, () => open(port));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const message = Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, n) => (n * 31) & 255));
  const times = new Histogram();
  const start = performance.now();
  const errors = await Promise.all(sockets.map((socket) => converse(socket, message, times, start + durationMs)));
  const tookMs = performance.now() - start;
  await Promise.all(sockets.map(close));
  const [p50Ms, p99Ms] = [0.5, 0.99].map((fraction) => times.quantile(fraction) / 1e6);
  return { requests: times.count, durationMs: tookMs, p50Ms, p99Ms, errors: errors.reduce((sum, n) => sum + n, 0) };
}

function open(port) {
  return new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false, maxPayload: 2 ** 30 });
}

/** @returns errors, when the time is over and the last answer is there. */
function converse(socket, message, times, untilMs) {
  return new Promise((resolve, reject) => {
    let sentMs = performance.now();
    let errors = 0;
    socket.on('error', reject);
    socket.on('message', (answer) => {
      const nowMs = performance.now();
      times.add((nowMs - sentMs) * 1e6);
      // All of the first answer; of the others the ends, which is what goes wrong, and costs nothing.
      const right = times.count <= 1 ? message.equals(answer) : looksRight(message, answer);
      errors += right ? 0 : 1;
      if (nowMs >= untilMs) {
        resolve(errors);
        return;
      }
      sentMs = nowMs;
      socket.send(message);
    });
    socket.send(message);
  });
}

function looksRight(message, answer) {
  const middle = message.length >> 1;
  return [0, middle, message.length - 1].every((at) => message[at] === answer[at]) && message.length === answer.length;
}

async function close(socket) {
  socket.removeAllListeners('error').on('error', () => undefined);
  socket.close();
  await once(socket, 'close');
}
