// Sequences in which the model once found a lie, made short and kept.
import { describe, expect, it } from 'vitest';
import { runSteps } from '../../support/kubelet-model-run.ts';
import type { CallStep, Step, TroubleStep } from '../../support/kubelet-model-step.ts';

const call = (step: CallStep): Step => ({ kind: 'call', call: step });
const trouble = (step: TroubleStep): Step => ({ kind: 'trouble', trouble: step });
const run = (backend: number) => call({ rpc: 'RunPodSandbox', pick: 'new', backend, isRepeated: false });
const sandboxes: CallStep = { rpc: 'ListPodSandbox', by: 'nothing', pick: 0, state: undefined };

const FOUND: Readonly<Record<string, readonly Step[]>> = {
  'shows a sandbox again that only the list of its pod has shown before its backend went': [
    trouble({ does: 'break', backend: 1, rpc: 'RunPodSandbox', how: 'hang', when: 'after' }),
    trouble({ does: 'break', backend: 1, rpc: 'ListPodSandbox', how: 'refuse', when: 'before' }),
    run(1),
    call({ ...sandboxes, by: 'uid' }),
    trouble({ does: 'crash', backend: 1 }),
    call(sandboxes),
  ],
  'lists after a kill when a late list had shown what was removed meanwhile': [
    run(0),
    run(0),
    call(sandboxes),
    trouble({ does: 'break', backend: 0, rpc: 'ListPodSandbox', how: 'delay', when: 'after' }),
    { kind: 'together', calls: [sandboxes, { rpc: 'RemovePodSandbox', pick: 0 }] },
    // The late list comes while this one waits.
    trouble({ does: 'break', backend: 1, rpc: 'ListContainers', how: 'delay', when: 'after' }),
    call({ ...sandboxes, rpc: 'ListContainers' }),
    trouble({ does: 'crash', backend: 0 }),
    trouble({ does: 'restart', how: 'kill' }),
    call(sandboxes),
  ],
  'gets a streamed list too from a snapshot when a backend lives and does not list': [
    run(2),
    call(sandboxes),
    trouble({ does: 'hang', backend: 2, calls: 'lists' }),
    call({ ...sandboxes, isStreamed: true }),
  ],
  'gets lists from a snapshot that a call which was never made has not put in doubt': [
    run(0),
    call(sandboxes),
    trouble({ does: 'crash', backend: 0 }),
    trouble({ does: 'hang', backend: 0, calls: 'lists' }),
    call({ rpc: 'RemovePodSandbox', pick: 0 }),
    trouble({ does: 'revive', backend: 0 }),
    trouble({ does: 'notice' }),
    call({ ...sandboxes, rpc: 'ListContainers' }),
  ],
};

describe('a kubelet', () => {
  it.each(Object.entries(FOUND))('%s', async (_, steps) => {
    const { failure, lines } = await runSteps(steps, 1, 'inside');
    expect(failure, lines.join('\n')).toBeUndefined();
  });
});
