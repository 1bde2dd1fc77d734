/**
 * Who is measured: pairs of functions that allocate and free Buffers.
 *
 * `make` gets the case that will run, for its sizes. A row with a `backend` runs with that backend of hakmem, and is left out
 * where it cannot be had. hakmem is measured beside the bare view too, others where `beside` says so. `excludes` says why a contender
 * cannot take part in a case. `moves` is how its Buffers get to another thread (see workloads/exchange.mjs).
 */

/** Above this many live blocks the list that @thi.ng/malloc searches at each free makes an operation take longer than a slice. */
const THI_NG_MAX_LIVE = 1000;

export const CONTENDERS = [
  {
    name: 'loop',
    title: 'empty loop',
    about: 'always the same Buffer: what the workload itself costs. No contender may be as fast without a warning',
    overlaps: true,
    excludes: ({ threads }) => threads && 'nothing would be sent',
    make({ maxSize }) {
      const buffer = Buffer.alloc(maxSize);
      return { alloc: () => buffer, free() {} };
    },
  },
  {
    name: 'view',
    title: 'bare view',
    about: 'new Uint8Array(arrayBuffer, offset, length): what any Buffer costs at least',
    overlaps: true,
    moves: 'shared',
    make({ maxLiveBytes }) {
      // As large as what is live at once: caches that miss are no allocator's doing.
      const memory = new ArrayBuffer(Math.max(65_536, maxLiveBytes));
      const { byteLength } = memory;
      let next = 0;
      return {
        alloc(size) {
          const offset = next + size > byteLength ? 0 : next;
          next = (offset + size + 15) & ~15;
          return new Uint8Array(memory, offset, size);
        },
        free() {},
      };
    },
  },
  {
    name: 'node',
    title: 'Buffer.allocUnsafe',
    about: 'Node itself; freeing is the garbage collector',
    moves: 'transfer',
    // Larger ones are times slower, and what their collections cost is a matter of means.
    beside: ({ id }) => id === 'churn-64',
    make: () => ({ alloc: (size) => Buffer.allocUnsafe(size), free() {} }),
  },
  {
    name: 'node-alloc',
    title: 'Buffer.alloc',
    about: 'the same, zeroed',
    moves: 'transfer',
    make: () => ({ alloc: (size) => Buffer.alloc(size), free() {} }),
  },
  {
    name: 'node-slow',
    title: 'Buffer.allocUnsafeSlow',
    about: "without Node's pool for small ones",
    moves: 'transfer',
    make: () => ({ alloc: (size) => Buffer.allocUnsafeSlow(size), free() {} }),
  },
  {
    name: 'thi.ng',
    title: '@thi.ng/malloc',
    about:
      'blocks of one ArrayBuffer whose size is fixed beforehand; here large enough. Its free searches a list of all live blocks',
    excludes: ({ threads, maxLive }) =>
      threads
        ? 'its blocks stay in their thread'
        : maxLive > THI_NG_MAX_LIVE && 'each free searches a list of all live blocks',
    async make({ maxLive, maxLiveBytes }) {
      const { MemPool } = await import('@thi.ng/malloc');
      const pool = new MemPool({ size: Math.ceil(65_536 + 2 * maxLiveBytes + 64 * maxLive) & ~7 });
      return { alloc: (size) => pool.mallocAs('u8', size), free: (view) => pool.free(view) };
    },
  },
  {
    name: 'free-list',
    title: 'free list by hand',
    about: 'a list of Buffers for each size, as programs write it today; never gives memory back',
    excludes: ({ threads }) => threads && 'its Buffers stay in their thread',
    make: makeFreeList,
  },
  {
    name: 'native',
    title: 'hakmem native',
    about: 'allocUnsafe and free of a pool',
    backend: 'native',
    moves: 'share',
    make: makePool,
  },
  {
    name: 'ts',
    title: 'hakmem ts',
    about: 'the same with the TypeScript backend',
    backend: 'ts',
    moves: 'share',
    make: makePool,
  },
  {
    name: 'fixed',
    title: 'hakmem fixed pool',
    about: 'acquire and release of a fixed pool, with the backend that is chosen by itself',
    backend: '',
    excludes: ({ threads, size }) =>
      threads ? 'its Buffers stay in their thread' : size === undefined && 'it has Buffers of one size only',
    make({ size }, hakmem) {
      const pool = hakmem.createFixedPool({ size });
      return { alloc: () => pool.acquire(), free: (buffer) => pool.release(buffer) };
    },
  },
];

function makePool(_workload, hakmem) {
  const pool = hakmem.createPool({ name: 'bench' });
  return { alloc: (size) => pool.allocUnsafe(size), free: (buffer) => pool.free(buffer) };
}

function makeFreeList() {
  const lists = new Map();
  return {
    alloc: (size) => lists.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size),
    free(buffer) {
      const list = lists.get(buffer.length);
      if (list === undefined) {
        lists.set(buffer.length, [buffer]);
      } else {
        list.push(buffer);
      }
    },
  };
}
