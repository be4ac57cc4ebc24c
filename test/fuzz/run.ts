// `npm run fuzz`: random inputs for every target in turn, each from a seed of its own, for as long as is asked. What does not
// hold is told with the seed that repeats it and with an input made small, to be kept in corpus/.

import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Random } from './random.ts';
import { smallest } from './smallest.ts';
import type { FuzzTarget } from './target.ts';
import { TARGETS } from './targets.ts';

const USAGE = `Usage: npm run fuzz -- [options]

Gives random inputs to what reads bytes of others; exit code 1 when something does not hold.

  --minutes N   how long (default 1)
  --seed N      the first seed (default: a new one); each input has the next one
  --only NAME   one of ${TARGETS.map(({ name }) => name).join(', ')}
  --inputs N    so many inputs instead of a time: with --seed, one input again
  --help
`;
const FINDINGS_AT_MOST = 10;
/** An input that takes longer is a finding too. */
const HANGS_AFTER_MS = 10_000;

/** Runs it; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      only: { type: 'string' },
      inputs: { type: 'string', default: 'Infinity' },
      help: { type: 'boolean', default: false },
    },
  });
  const targets = TARGETS.filter(({ name }) => values.only === undefined || values.only === name);
  const [minutes, firstSeed, inputs] = [Number(values.minutes), Number(values.seed), Number(values.inputs)];
  if (
    values.help ||
    !(minutes > 0) ||
    !Number.isInteger(firstSeed) ||
    !(inputs > 0) ||
    targets.length === 0
  ) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  process.stdout.write(`fuzz: ${targets.map(({ name }) => name).join(', ')}; first seed ${firstSeed}\n`);
  const watchdog = startWatchdog();
  const endMs = performance.now() + minutes * 60_000;
  let findings = 0;
  let count = 0;
  for (; count < inputs && performance.now() < endMs && findings < FINDINGS_AT_MOST; count++) {
    const seed = firstSeed + count;
    const target = targets[count % targets.length] as FuzzTarget;
    watchdog.postMessage(`${target.name} --seed ${seed}`);
    const input = target.make(new Random(seed));
    const fault = await faultOf(target, input);
    if (fault === undefined) continue;
    findings++;
    await tell(target, seed, input, fault);
  }
  await watchdog.terminate();
  process.stdout.write(`fuzz: ${count} inputs, ${findings} findings\n`);
  return findings === 0 ? 0 : 1;
}

async function faultOf(target: FuzzTarget, input: Buffer): Promise<unknown> {
  try {
    await target.check(input);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function tell(target: FuzzTarget, seed: number, input: Buffer, fault: unknown): Promise<void> {
  const small = await smallest(input, async (bytes) => (await faultOf(target, bytes)) !== undefined);
  process.stdout.write(
    `\n${target.name}: ${fault instanceof Error ? fault.stack : String(fault)}\n` +
      `  again: npm run fuzz -- --only ${target.name} --seed ${seed} --inputs 1\n` +
      `  for corpus/${target.name}.txt: ${small.toString('hex')}\n\n`,
  );
}

/** Tells of an input that never ends, and ends the process: no code of ours runs meanwhile. */
function startWatchdog(): Worker {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const { writeSync } = require('node:fs');
    let timer;
    parentPort.on('message', (what) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        writeSync(1, 'an input takes longer than ${HANGS_AFTER_MS} ms: npm run fuzz -- --inputs 1 --only ' + what + '\\n');
        process.kill(process.pid, 'SIGKILL');
      }, ${HANGS_AFTER_MS});
    });`;
  return new Worker(code, { eval: true });
}
