// A vitest reporter that counts: it leaves { passed, failed, skipped } in the file named by SWITCHYARD_COUNTS, and
// says why each skipped test was skipped. scripts/run-tests.mjs prints the counts after all else.
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  /** @param {ReadonlyArray<import('vitest/node').TestModule>} modules @param {ReadonlyArray<unknown>} errors */
  onTestRunEnd(modules, errors) {
    // An error outside of all tests, or a file that cannot be loaded, is a failure although no test failed.
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state === 'pending' ? 'failed' : result.state] += 1;
        if (result.state === 'skipped') {
          console.log(`skipped: ${test.fullName}: ${result.note ?? 'no reason given'}`);
        }
      }
    }
    const file = process.env['SWITCHYARD_COUNTS'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  }
}
