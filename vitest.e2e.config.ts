// The tests of `npm run e2e`: the built program as a process of its own, against real container runtimes.
// One file at a time, because they share the machine's network and mounts.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
