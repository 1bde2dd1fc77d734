/*
 * The conformance suite and what is about workers once for each backend, the parity tapes, and everything else once.
 * Each file runs in a process of its own, because the allocator's state is the process's.
 */
import { defineConfig } from 'vitest/config';

const parity = ['test/parity/**/*.test.ts'];
const conformance = ['test/conformance/**/*.test.ts', 'test/workers/**/*.test.ts'];

const onBackend = (name: 'native' | 'ts') => ({
  extends: true as const,
  test: { name, include: conformance, env: { HAKMEM_BACKEND: name } },
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
