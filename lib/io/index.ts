/**
 * hakmem/io: files and sockets through pooled Buffers.
 *
 *     readFile           a whole file in one Buffer                       given back by the caller, with free
 *     fileChunks         a file chunk by chunk                            recycled at the next step
 *     createReadStream   the same as a Readable, for pipe and pipeline    recycled when the destination is done
 *     PooledReadable     that, over any source
 *     onread             what a socket receives                           recycled when the callback returns, unless it keeps it
 *
 * All of them take `pool`; without it they use the default pool of `hakmem`.
 *
 * Threads: those of the pools.
 */
export { type FileChunksOptions, fileChunks } from './file-chunks';
export type { FileRange } from './file-source';
export type { BufferPool, ChunkOptions, RecycledBuffers } from './lender';
export { type ClosingSocket, type OnRead, type OnReadCallback, onread } from './on-read';
export { type PipeToOptions, PooledReadable, type PooledReadableOptions } from './pooled-readable';
export { type ReadFileOptions, readFile } from './read-file';
export { createReadStream, type ReadStreamOptions } from './read-stream';
export type { ChunkSource } from './source';
