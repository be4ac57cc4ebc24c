// The tests of `npm test`: everything that needs only Node. test/e2e has a config of its own.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,contract,integration,fuzz}/**/*.test.ts'],
    setupFiles: ['test/support/no-listener-leaks.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
