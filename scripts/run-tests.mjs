// `npm test` and `npm run e2e`: prepares what the tests need, runs vitest with the given arguments, and ends with
// one line of counts. The exit code is vitest's.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await prepare();

const work = mkdtempSync(path.join(tmpdir(), 'sy-counts-'));
const countsFile = path.join(work, 'counts.json');
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const reporters = ['--reporter=default', `--reporter=${path.join(root, 'scripts/count-reporter.mjs')}`];
const run = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, SWITCHYARD_COUNTS: countsFile },
});
// No counts: vitest itself broke.
const counts = existsSync(countsFile)
  ? JSON.parse(readFileSync(countsFile, 'utf8'))
  : { passed: 0, failed: 1, skipped: 0 };
rmSync(work, { recursive: true });
const exitCode = run.status ?? 1;
if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = exitCode;
