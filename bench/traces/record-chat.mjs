/**
 * A chat server (ws): rooms whose members hear what each of them says, and a short history that newcomers are sent.
 *
 *     member --- message --->  server  --- the same message ---> all members of the room
 *                                |
 *                                history: the last messages of the room
 *
 * Memory of a message at the server lives until it is written to the last member's socket and has left the history.
 * Text is short, some of it long, and now and then somebody sends a picture in a binary message.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { nextRandom } from '../workloads/random.mjs';
import { Recorder } from './recorder.mjs';

const ROOMS = 12;
const MEMBERS = 8;
const HISTORY = 50;
const PICTURE_SHARE = 0.004;
const TYPING_SHARE = 0.45;
const PAUSE_MS = 4;
const LIMIT_MS = 60_000;

/** @returns `{ events, libraries }`. */
export async function recordChat(allocations) {
  const recorder = new Recorder(allocations);
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  serve(server, recorder);
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${server.address().port}`;
  const members = await Promise.all(
    Array.from({ length: ROOMS * MEMBERS }, (_, n) => join(`${url}/room-${n % ROOMS}`)),
  );
  const endMs = performance.now() + LIMIT_MS;
  await Promise.all(members.map((socket, n) => talk(socket, n, () => recorder.full || performance.now() > endMs)));
  for (const socket of members) {
    socket.terminate();
  }
  server.close();
  return { events: recorder.end(), libraries: { ws: createRequire(import.meta.url)('ws/package.json').version } };
}

function serve(server, recorder) {
  const rooms = new Map();
  server.on('connection', (socket, request) => {
    const room = rooms.get(request.url) ?? { members: new Set(), history: [] };
    rooms.set(request.url, room);
    room.members.add(socket);
    for (const message of room.history) {
      send(socket, message, recorder);
    }
    socket.on('message', (bytes, isBinary) => {
      const message = { bytes, isBinary, users: 1, id: recorder.born(bytes.length) };
      for (const member of room.members) {
        send(member, message, recorder);
      }
      remember(room, message, recorder);
      release(message, recorder);
    });
  });
}

/** Notes that somebody types are not remembered: they are the short messages with no text. */
function remember({ history }, message, recorder) {
  if (message.isBinary || message.bytes.includes('"text"')) {
    message.users++;
    history.push(message);
    if (history.length > HISTORY) {
      release(history.shift(), recorder);
    }
  }
}

function send(socket, message, recorder) {
  message.users++;
  socket.send(message.bytes, { binary: message.isBinary }, () => release(message, recorder));
}

function release(message, recorder) {
  if (--message.users === 0) {
    recorder.gone(message.id);
  }
}

async function join(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

async function talk(socket, member, isOver) {
  let state = member + 1;
  const random = () => {
    state = nextRandom(state);
    return (state >>> 0) / 2 ** 32;
  };
  for (let warmUp = 0; warmUp < 8; warmUp++) {
    random();
  }
  while (!isOver()) {
    socket.send(sentence(member, random));
    await setTimeout(PAUSE_MS * 2 * random());
  }
}

/** @returns text, or the bytes of a picture. */
function sentence(member, random) {
  const kind = random();
  if (kind < PICTURE_SHARE) {
    return Buffer.alloc(Math.floor(15_000 * random() ** -0.5), member);
  }
  const from = { type: kind < TYPING_SHARE ? 'typing' : 'message', user: `member-${member}`, at: Date.now() };
  if (kind < TYPING_SHARE) {
    return JSON.stringify(from);
  }
  // Log-normal, its median 45 letters: lengths of chat messages are about so.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const letters = Math.min(8000, Math.ceil(45 * Math.exp(1.1 * normal)));
  return JSON.stringify({ ...from, text: 'lorem ipsum dolor '.repeat(1 + letters / 18).slice(0, letters) });
}
