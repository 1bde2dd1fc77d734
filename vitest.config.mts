/*
 * The conformance suite and what is about workers once for each backend, what of it checked pools keep once more for each, the parity
 * tapes, and everything else once.
 * Each file runs in a process of its own, because the allocator's state is the process's.
 */
import { defineConfig } from 'vitest/config';

const parity = ['test/parity/**/*.test.ts'];
const conformance = ['test/conformance/**/*.test.ts', 'test/workers/**/*.test.ts'];

type BackendName = 'native' | 'ts';

const onBackend = (name: BackendName) => ({
  extends: true as const,
  test: { name, include: conformance, env: { HAKMEM_BACKEND: name } },
});

/** About memory that is recycled, or about how much of it there is; or it sets HAKMEM_CHECK by itself. */
const UNCHECKED = 'adaptation checked dropped fresh growth module overlap sizes statistics workers zeroed'.split(' ');

const onChecked = (name: BackendName) => ({
  extends: true as const,
  test: {
    name: `checked-${name}`,
    include: ['test/conformance/**/*.test.ts'],
    exclude: UNCHECKED.map((file) => `test/conformance/${file}.test.ts`),
    env: { HAKMEM_BACKEND: name, HAKMEM_CHECK: '1' },
  },
});

export default defineConfig({
  test: {
    pool: 'forks',
    isolate: true,
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    execArgv: ['--expose-gc'],
    projects: [
      onBackend('native'),
      onBackend('ts'),
      onChecked('native'),
      onChecked('ts'),
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...conformance, ...parity] },
      },
      {
        extends: true,
        // Time runs fast and caches are small, so that tapes of a thousand steps see many ticks and evictions.
        test: {
          name: 'parity',
          include: parity,
          env: { HAKMEM_TICK_OPERATIONS: '24', HAKMEM_LARGE_CACHE_BYTES: '4194304', HAKMEM_DIRTY_BYTES: '1048576' },
        },
      },
    ],
  },
});
