/**
 * As much of the WebSocket protocol (RFC 6455) as an echo needs: the handshake, and binary messages of one frame each.
 *
 * A message comes in one piece or in several. In one piece, and alone in what was read, it is unmasked and sent back right from where it
 * lies: its answer's header is four bytes shorter than its own. In several pieces it is put together in a Buffer of its own:
 *
 *     | .. header | payload                  the header of the answer ends where the payload begins, at a multiple of 16
 *                 ROOM
 */
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const ROOM = 16;
const BINARY = 0x82;
const CLOSE = 0x88;

/** @returns the answer to a client's request, null where it asks for something else. */
export function handshake(request) {
  const key = /^sec-websocket-key:\s*(\S+)/im.exec(request)?.[1];
  if (key === undefined) {
    return null;
  }
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** One connection. */
export class Echo {
  #store;
  #write;
  #end;
  #open = false;
  /** What was read of a header that was cut. */
  #rest = Buffer.alloc(0);
  /** The message that is being put together: its Buffer, how much is there, its mask. */
  #message = null;

  /** @param store `allocate(sizeBytes)` and `free(buffer)`. @param write takes a Buffer, and what to call when it is written. */
  constructor(store, write, end) {
    this.#store = store;
    this.#write = write;
    this.#end = end;
  }

  /**
   * @param chunk what was read.
   * @param own called where the chunk itself is sent back: it must stay as it is until the function that this returns is called.
   */
  read(chunk, own) {
    if (!this.#open) {
      this.#greet(chunk);
      return;
    }
    const whole = this.#message === null && this.#rest.length === 0 ? frameOf(chunk) : null;
    if (whole !== null && whole.first === BINARY && whole.endsAt === chunk.length) {
      const done = own();
      unmask(chunk.subarray(whole.from), whole.mask);
      this.#answer(chunk, whole.from, done);
      return;
    }
    this.#collect(this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk);
  }

  /** The connection is gone: what was not put together yet goes back. */
  close() {
    if (this.#message !== null) {
      this.#store.free(this.#message.buffer);
      this.#message = null;
    }
  }

  #greet(chunk) {
    const answer = handshake(chunk.toString('latin1'));
    if (answer === null) {
      this.#end();
      return;
    }
    this.#open = true;
    this.#write(Buffer.from(answer), () => undefined);
  }

  #collect(bytes) {
    this.#rest = Buffer.alloc(0);
    for (let at = 0; at < bytes.length; ) {
      if (this.#message === null && !this.#begin(bytes.subarray(at))) {
        return;
      }
      at += this.#message.skip;
      this.#message.skip = 0;
      at += this.#add(bytes, at);
    }
  }

  /** @returns whether a message begins here. */
  #begin(bytes) {
    const frame = frameOf(bytes);
    if (frame === null) {
      this.#rest = Buffer.from(bytes);
      return false;
    }
    if (frame.first !== BINARY) {
      // A client that takes its leave, or one that speaks of more than this knows.
      this.#end(frame.first === CLOSE ? Buffer.from([CLOSE, 0]) : undefined);
      return false;
    }
    const buffer = this.#store.allocate(ROOM + frame.endsAt - frame.from);
    this.#message = { buffer, filled: ROOM, mask: frame.mask, skip: frame.from };
    return true;
  }

  #add(bytes, at) {
    const { buffer, filled, mask } = this.#message;
    const taken = bytes.copy(buffer, filled, at);
    this.#message.filled += taken;
    if (this.#message.filled === buffer.length) {
      this.#message = null;
      unmask(buffer.subarray(ROOM), mask);
      this.#answer(buffer, ROOM, () => this.#store.free(buffer));
    }
    return taken;
  }

  /** Sends back what lies in the Buffer from `from` on; the header goes before it. */
  #answer(buffer, from, done) {
    const start = putHeader(buffer, from, buffer.length - from);
    this.#write(buffer.subarray(start), done);
  }
}

/** @returns null where the header is not complete. */
function frameOf(bytes) {
  const short = bytes[1] & 127;
  const headerBytes = short === 126 ? 8 : short === 127 ? 14 : 6;
  if (bytes.length < headerBytes) {
    return null;
  }
  const lengthBytes = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const mask = bytes.readUInt32LE(headerBytes - 4);
  return { first: bytes[0], from: headerBytes, endsAt: headerBytes + lengthBytes, mask };
}

/** @returns where the header begins. */
function putHeader(buffer, end, lengthBytes) {
  if (lengthBytes < 126) {
    buffer[end - 1] = lengthBytes;
    buffer[end - 2] = BINARY;
    return end - 2;
  }
  if (lengthBytes < 65536) {
    buffer.writeUInt16BE(lengthBytes, end - 2);
    buffer[end - 3] = 126;
    buffer[end - 4] = BINARY;
    return end - 4;
  }
  buffer.writeBigUInt64BE(BigInt(lengthBytes), end - 8);
  buffer[end - 9] = 127;
  buffer[end - 10] = BINARY;
  return end - 10;
}

/** A word at a time from the first multiple of 4 on, on machines whose words begin with the lowest byte. */
function unmask(bytes, mask) {
  let at = 0;
  const byte = () => {
    bytes[at] ^= (mask >>> ((at & 3) * 8)) & 255;
    at++;
  };
  while (at < bytes.length && ((bytes.byteOffset + at) & 3) !== 0) byte();
  const count = (bytes.length - at) >> 2;
  if (count > 0) {
    const turn = (at & 3) * 8;
    const turned = turn === 0 ? mask : (mask >>> turn) | (mask << (32 - turn));
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, count);
    for (let n = 0; n < count; n++) words[n] ^= turned;
    at += count * 4;
  }
  while (at < bytes.length) byte();
}
