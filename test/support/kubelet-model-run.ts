// Runs the sequences of a model test, and makes one that fails as short as it can.
import { KubeletModel, Violation } from './kubelet-model.ts';
import type { Tally } from './kubelet-model-call.ts';
import { ModelKubelet } from './kubelet-model-kubelet.ts';
import { Outsider } from './kubelet-model-outsider.ts';
import type { Step } from './kubelet-model-step.ts';
import { Trouble } from './kubelet-model-trouble.ts';
import { ModelWorld } from './kubelet-model-world.ts';

/** Where the proxy runs: inside the test's process, or as a process of its own. */
export type Form = 'inside' | 'process';

/** How a sequence went. */
export interface Run {
  /** What happened, one line for each step, with what the proxy logged in between. */
  readonly lines: readonly string[];
  readonly tally: Tally;
  /** The step that failed, by its place, and why; undefined when all went well. */
  readonly failure: { readonly at: number; readonly reason: string } | undefined;
}

/** Takes the steps in a world of their own, then ends all trouble and sees whether all becomes well. */
export async function runSteps(steps: readonly Step[], seed: number, form: Form): Promise<Run> {
  await using world = await ModelWorld.start(seed, form);
  const model = new KubeletModel(world);
  const kubelet = new ModelKubelet(world, model);
  const parts = {
    kubelet,
    trouble: new Trouble(world, model, kubelet),
    outsider: new Outsider(world, model),
  };
  const lines: string[] = [];
  let logged = 0;
  const note = (line: string) => {
    for (const { level, text, fields } of world.lines.slice(logged)) {
      if (level !== 'debug' && text !== 'call')
        lines.push(`      | ${level} ${text} ${JSON.stringify(fields)}`);
    }
    logged = world.lines.length;
    lines.push(line);
  };
  const end: Step = { kind: 'trouble', trouble: { does: 'heal' } };
  for (const [at, step] of [end, ...steps, end].entries()) {
    const number = String(at).padStart(4);
    const startedAtMs = performance.now();
    try {
      const taken = await take(step, parts);
      const elapsed = `${Math.round(performance.now() - startedAtMs)} ms`.padStart(7);
      for (const line of taken) note(`${number} ${elapsed}  ${line}`);
      model.checkHomes();
    } catch (error) {
      const reason = error instanceof Violation ? error.message : `${(error as Error).stack}`;
      note(`${number}          ${JSON.stringify(step)}`);
      lines.push(`      >>> ${reason}`);
      return { lines, tally: kubelet.tally, failure: { at, reason } };
    }
  }
  return { lines, tally: kubelet.tally, failure: undefined };
}

interface Parts {
  readonly kubelet: ModelKubelet;
  readonly trouble: Trouble;
  readonly outsider: Outsider;
}

async function take(step: Step, { kubelet, trouble, outsider }: Parts): Promise<string[]> {
  switch (step.kind) {
    case 'trouble':
      return [await trouble.make(step.trouble)];
    case 'outside':
      return [outsider.act(step.outside)];
    case 'interrupted': {
      const planned = kubelet.plan(step.call);
      return planned === undefined
        ? []
        : trouble.interrupt(step.call.rpc, step.how, () => planned.make(false));
    }
    case 'call':
    case 'together': {
      const calls = step.kind === 'call' ? [step.call] : step.calls;
      const planned = calls.flatMap((call) => kubelet.plan(call) ?? []);
      const made = planned.map((call) =>
        call.make(!planned.some((other) => other !== call && other.isChange && other.pod === call.pod)),
      );
      // All are over before the world is, also when one of them fails.
      await Promise.allSettled(made);
      const lines = await Promise.all(made);
      return lines.map((line, at) => (at > 0 ? `  with  ${line}` : line));
    }
    default:
      return step satisfies never;
  }
}

export interface Shortened {
  readonly steps: readonly Step[];
  readonly run: Run;
}

/**
 * Leaves out whatever is not needed for the sequence to fail, for at most `timeMs`. Not every failure comes back every
 * time, as sockets and timers are real, so each try is made twice.
 */
export async function shorten(
  steps: readonly Step[],
  firstRun: Run,
  again: (steps: readonly Step[]) => Promise<Run>,
  timeMs: number,
): Promise<Shortened> {
  const deadline = performance.now() + timeMs;
  let best: Shortened = { steps: steps.slice(0, firstRun.failure?.at), run: firstRun };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.steps.length; ) {
      const shorter = best.steps.filter((_, position) => position < at || position >= at + size);
      const run = await failing(shorter, again, deadline);
      if (run === undefined) at += size;
      else best = { steps: shorter.slice(0, run.failure?.at), run };
      if (performance.now() > deadline) return best;
    }
  }
  return best;
}

async function failing(
  steps: readonly Step[],
  again: (steps: readonly Step[]) => Promise<Run>,
  deadline: number,
): Promise<Run | undefined> {
  for (let attempt = 0; attempt < 2 && performance.now() < deadline; attempt++) {
    const run = await again(steps);
    if (run.failure !== undefined) return run;
  }
  return undefined;
}
