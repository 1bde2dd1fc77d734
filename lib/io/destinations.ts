/**
 * When a destination is done with a chunk.
 *
 *     done at the callback of write()   sockets, HTTP requests and responses, fs.WriteStream: the system has the bytes by then
 *     no one can tell                   PassThrough and whatever hands the same chunk on, or keeps it: their callback says 'accepted'
 *
 * So only Node's own classes of the first kind are trusted, and those only while nobody has put functions of their own over theirs, as
 * compressing middleware does, or an HTTP message over some other kind of socket.
 *
 * Threads: any; nothing is kept.
 */
import { WriteStream } from 'node:fs';
import { OutgoingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const { write } = OutgoingMessage.prototype;

/** @returns whether the callback of the destination's `write` is known to mean that it holds the chunk no longer. */
export function tellsWhenDone(destination: unknown): boolean {
  if (destination instanceof OutgoingMessage) {
    return destination.write === write && writesAs(socketOf(destination), Socket);
  }
  return writesAs(destination, Socket) || writesAs(destination, WriteStream);
}

/** A response that waits for its turn has no socket yet; it gets the one that its request came by. */
function socketOf(message: OutgoingMessage & { req?: { socket?: unknown } }): unknown {
  return message.socket ?? message.req?.socket;
}

/** @returns whether it is of this class, and writes by the functions of this class alone. */
function writesAs(destination: unknown, kind: typeof Socket | typeof WriteStream): boolean {
  if (!(destination instanceof kind)) {
    return false;
  }
  const own = kind.prototype as Writable;
  const { write, _write, _writev } = destination as Writable;
  return write === own.write && _write === own._write && _writev === own._writev;
}
