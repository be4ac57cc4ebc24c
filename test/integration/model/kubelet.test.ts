// Random sequences of kubelet calls and trouble over three simulated runtimes; a model of what a kubelet was told finds
// every answer that is a lie. MODEL_RUNS: how many sequences. MODEL_SEED: the first one's seed, as a failure prints it,
// or `random` to go where nobody has been; the usual run plays the same sequences every time.
// MODEL_STEPS: exactly these steps, as a failure prints them.
import { describe, expect, it } from 'vitest';
import { type Form, type Run, runSteps, shorten } from '../../support/kubelet-model-run.ts';
import { type Step, stepsOf } from '../../support/kubelet-model-step.ts';

const { env } = process;
const RUNS = Number(env['MODEL_RUNS'] ?? 30);
const FIRST_SEED =
  env['MODEL_SEED'] === 'random' ? Math.floor(Math.random() * 1_000_000) : Number(env['MODEL_SEED'] ?? 1);
const LENGTH = Number(env['MODEL_LENGTH'] ?? 40);
/** Sequences that run at the same time: most of their time is spent waiting. */
const LANES = 3;
const SHORTEN_MS = Number(env['MODEL_SHORTEN'] ?? 60_000);
/** Of all answers that were due, how many may be missing because a busy machine let a budget run out. */
const LATE_SHARE = 0.25;

/** Runs sequences until one fails, and throws what is needed to understand and repeat it. */
async function explore(form: Form, runs: number): Promise<{ calls: number; due: number; late: number }> {
  const total = { calls: 0, due: 0, late: 0 };
  const failures: { seed: number; steps: readonly Step[]; run: Run }[] = [];
  let next = 0;
  const lane = async () => {
    while (next < runs && failures.length === 0) {
      const seed = FIRST_SEED + next++;
      const steps = stepsOf(seed, LENGTH);
      const run = await runSteps(steps, seed, form);
      for (const key of ['calls', 'due', 'late'] as const) total[key] += run.tally[key];
      if (run.failure !== undefined) failures.push({ seed, steps, run });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const [failure] = failures;
  if (failure === undefined) return total;
  const { seed } = failure;
  const { steps, run } = await shorten(
    failure.steps,
    failure.run,
    (some) => runSteps(some, seed, form),
    SHORTEN_MS,
  );
  throw new Error(report(seed, steps, run, failure.run));
}

function report(seed: number, steps: readonly Step[], run: Run, firstRun: Run): string {
  return [
    run.failure?.reason,
    `first seen as: ${firstRun.failure?.reason}`,
    ...run.lines,
    `MODEL_SEED=${seed} makes the whole sequence; the shortened one is`,
    `MODEL_SEED=${seed} MODEL_STEPS='${JSON.stringify(steps)}'`,
  ].join('\n');
}

describe('a kubelet over three runtimes in trouble', () => {
  it('is never told a lie', { timeout: 60_000 + RUNS * 10_000 + SHORTEN_MS }, async () => {
    const given = env['MODEL_STEPS'];
    if (given !== undefined) {
      const steps = JSON.parse(given) as Step[];
      const run = await runSteps(steps, FIRST_SEED, 'inside');
      if (run.failure !== undefined) throw new Error(report(FIRST_SEED, steps, run, run));
      return;
    }
    const { due, late } = await explore('inside', RUNS);
    expect(late / due).toBeLessThan(LATE_SHARE);
  });

  it('is never told a lie by a proxy that is killed', {
    timeout: 60_000 + RUNS * 10_000 + SHORTEN_MS,
  }, async () => {
    const { due, late } = await explore('process', Math.ceil(RUNS / 10));
    expect(late / due).toBeLessThan(LATE_SHARE);
  });
});
