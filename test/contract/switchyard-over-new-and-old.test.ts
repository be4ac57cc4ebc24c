// The conformance suite against Switchyard over a runtime of Kubernetes 1.36 and one that serves all of 1.37.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineCheckpoints } from './conformance/checkpoints.ts';
import { placesThrough, type SimulatedSwitchyard, startSwitchyardOver } from './conformance/simulated.ts';
import type { RuntimeKind } from './conformance/traits.ts';

const KINDS: readonly RuntimeKind[] = ['cri-o', 'reference'];

describe('Switchyard over an older and a newer simulated runtime', () => {
  let target: SimulatedSwitchyard;

  beforeAll(async () => {
    target = await startSwitchyardOver(KINDS);
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  defineCheckpoints({ places: placesThrough(KINDS), target: () => target });
});
