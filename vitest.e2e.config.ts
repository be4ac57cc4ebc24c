// The tests of `npm run e2e`: the built program with real container runtimes, independent HTTP/2 peers, faults of
// processes, and attacks. One file after the other: the machine's cgroups, mounts and processor are shared.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{e2e,faults,hostile}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
