// `npm run check`: all that a reviewer would run, one step after the other, each told with its time. All steps run
// even when one fails, so that one run shows everything.
//   --without tests   leaves a step out (several times: several steps)
//   --only lint       runs just that one (several times: several steps)
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (/** @type {string} */ name) => path.join(root, 'node_modules/.bin', name);
/** @param {string} name @param {...string} args */
const script = (name, ...args) => [process.execPath, path.join(root, 'scripts', name), ...args];

/** The tests come last, so that their line of counts is the last of the log but for the summary. */
const STEPS = [
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  { name: 'lint', command: [bin('biome'), 'ci', '--error-on-warnings'] },
  { name: 'lengths', command: script('check-lengths.mjs') },
  { name: 'dead-code', command: [bin('knip')] },
  { name: 'generated', command: script('generate.mjs', '--check') },
  { name: 'build', command: script('build.mjs') },
  { name: 'tests', command: script('run-tests.mjs') },
];

const { values } = parseArgs({
  options: {
    without: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true, default: [] },
  },
});
for (const name of [...values.without, ...values.only]) {
  if (!STEPS.some((step) => step.name === name)) {
    console.error(`no step is named ${name}; there are: ${STEPS.map((step) => step.name).join(', ')}`);
    process.exit(2);
  }
}

await prepare();
const failed = [];
for (const { name, command } of STEPS) {
  if (values.without.includes(name) || (values.only.length > 0 && !values.only.includes(name))) continue;
  const startedAt = performance.now();
  const [program = '', ...args] = command;
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (status !== 0) failed.push(name);
  console.log(`check: ${name} ${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
}
if (failed.length > 0) {
  console.error(`check: failed: ${failed.join(', ')}`);
  process.exitCode = 1;
} else {
  console.log('check: all good');
}
