/**
 * A WebSocket echo, as an example of hakmem/io and to be measured:
 *
 *     node bench/servers/ws-echo.mjs [--port 8080] [--plain | --ws]
 *
 *     (nothing)   reads into Buffers of a fixed pool by `onread`, long messages in Buffers of a pool
 *     --plain     the same code; Node allocates what is read, `Buffer.allocUnsafe` the messages, and the collector frees them
 *     --ws        the ws package, for orientation
 *
 * `onread` is an option of sockets that one makes oneself: `net.connect` and `new net.Socket`. A server makes its sockets without it, so here
 * the accepted socket's handle is moved to a second socket, made with the option. `handle` is what Node's own server uses for that; it is
 * not documented.
 */
import net from 'node:net';
import { parseArgs } from 'node:util';
import { createFixedPool, createPool } from '../../dist/index.mjs';
import { onread } from '../../dist/io/index.mjs';
import { Echo } from './frames.mjs';
import { listen } from './measured.mjs';

const READ_BYTES = 65536;

const { values } = parseArgs({
  options: {
    plain: { type: 'boolean', default: false },
    ws: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
});
const port = Number(values.port);

if (values.ws) {
  const { WebSocketServer } = await import('ws');
  const { createServer } = await import('node:http');
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 2 ** 30, perMessageDeflate: false });
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  listen(server, { port });
} else if (values.plain) {
  const store = { allocate: (sizeBytes) => Buffer.allocUnsafe(sizeBytes), free: () => undefined };
  const server = net.createServer((socket) => {
    const echo = converse(socket, store);
    socket.on('data', (chunk) => echo.read(chunk, () => () => undefined));
  });
  listen(server, { port });
} else {
  const messages = createPool({ name: 'messages', maxBytes: 256 * 2 ** 20 });
  const reads = createFixedPool({ size: READ_BYTES });
  const store = { allocate: (sizeBytes) => messages.allocUnsafe(sizeBytes), free: (buffer) => messages.free(buffer) };
  const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
    let echo;
    const reading = onread(reads, (bytesRead, buffer) => {
      echo.read(buffer.subarray(0, bytesRead), () => {
        const kept = reading.keep();
        return () => reads.release(kept);
      });
    });
    const handle = accepted._handle;
    accepted._handle = null;
    const socket = reading.attach(new net.Socket({ handle, onread: reading }));
    echo = converse(socket, store);
    socket.resume();
  });
  listen(server, { port, live: () => messages.stats().blocks.live + reads.stats().live });
}

/** @returns the protocol on a socket. What is written calls back once, also where the socket is gone. */
function converse(socket, store) {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  const write = (buffer, done) => socket.write(buffer, () => done());
  const echo = new Echo(store, write, (last) => socket.end(last));
  socket.once('close', () => echo.close());
  return echo;
}
