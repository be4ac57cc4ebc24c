// `npm run check`: all that a reviewer would run, one step after the other, each with its time. All steps run even when
// one fails, so that one run shows everything. USAGE has the options.
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
  { name: 'dead-code', command: [bin('knip')] },
  { name: 'generated', command: script('generate.mjs', '--check') },
  { name: 'build', command: script('build.mjs') },
  { name: 'tests', command: script('run-tests.mjs') },
];

const NAMES = STEPS.map((step) => step.name).join(', ');
const USAGE = `npm run check -- [--only STEP]... [--without STEP]...

Runs the steps in this order: ${NAMES}

  --only STEP     run just this step; several times: several steps
  --without STEP  leave this step out; several times: several steps
  --help          print this`;

const { without, only } = readOptions();

await prepare();
const failed = [];
for (const { name, command } of STEPS) {
  if (without.includes(name) || (only.length > 0 && !only.includes(name))) continue;
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

/** The steps that the arguments name. Ends the process when they ask for help, or for what there is not. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        without: { type: 'string', multiple: true, default: [] },
        only: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const unknown = [...values.without, ...values.only].find(
      (name) => !STEPS.some((step) => step.name === name),
    );
    if (unknown !== undefined) throw new TypeError(`no step is named ${unknown}; there are: ${NAMES}`);
    return values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(2);
  }
}
