/** The ES module entry: the same instance as `require('hakmem/io')` gives, so that there is one default pool. */
export type {
  BufferPool,
  ChunkOptions,
  ChunkSource,
  ClosingSocket,
  FileChunksOptions,
  FileRange,
  OnRead,
  OnReadCallback,
  PipeToOptions,
  PooledReadableOptions,
  ReadFileOptions,
  ReadStreamOptions,
  RecycledBuffers,
} from './index.js';
export { createReadStream, fileChunks, onread, PooledReadable, readFile } from './index.js';
