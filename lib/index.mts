/**
 * The ES module entry: the same instance as `require('hakmem')` gives, name by name.
 *
 * Nothing of its own may be here: a second instance would have a second default pool, and Buffers of the one would be strangers to the
 * other.
 */

export type {
  BackendInfo,
  BufferHandle,
  Capabilities,
  ClassStats,
  ComponentStats,
  FixedPool,
  FixedPoolOptions,
  FixedPoolStats,
  HakmemErrorCode,
  HeapStats,
  Lease,
  Pool,
  PoolOptions,
  PoolStats,
  Stats,
} from './index.js';
export {
  adopt,
  alloc,
  allocUnsafe,
  backend,
  concat,
  createFixedPool,
  createPool,
  free,
  from,
  HakmemError,
  lease,
  realloc,
  share,
  stats,
  trim,
  usableSize,
} from './index.js';
