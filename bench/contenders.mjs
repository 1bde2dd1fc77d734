/**
 * Who is measured: pairs of functions that allocate and free a Buffer of one size.
 * A row with a `backend` runs with that backend of hakmem, or is left out where it cannot be had.
 */

export const CONTENDERS = [
  {
    name: 'view',
    title: 'bare view',
    about: 'new Uint8Array(arrayBuffer, offset, length): what any Buffer costs at least',
    make(size) {
      const memory = new ArrayBuffer(Math.max(65536, size));
      const lastOffset = memory.byteLength - size;
      let offset = 0;
      return {
        alloc() {
          offset = offset + size > lastOffset ? 0 : offset + size;
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
    make: (size) => ({ alloc: () => Buffer.allocUnsafe(size), free() {} }),
  },
  { name: 'native', title: 'hakmem native', about: 'allocUnsafe and free of a pool', backend: 'native', make: pooled },
  { name: 'ts', title: 'hakmem ts', about: 'the same with the TypeScript backend', backend: 'ts', make: pooled },
  {
    name: 'fixed',
    title: 'hakmem fixed',
    about: 'acquire and release of a fixed pool, with the backend that is chosen by itself',
    backend: '',
    make(size, hakmem) {
      const pool = hakmem.createFixedPool({ size });
      return { alloc: () => pool.acquire(), free: (buffer) => pool.release(buffer) };
    },
  },
];

function pooled(size, hakmem) {
  const pool = hakmem.createPool({ name: 'bench' });
  return { alloc: () => pool.allocUnsafe(size), free: (buffer) => pool.free(buffer) };
}
