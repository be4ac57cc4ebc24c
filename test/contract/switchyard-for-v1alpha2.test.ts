// The conformance suite against Switchyard for a client that speaks v1alpha2 alone, over a runtime that has only that,
// one that has both versions, and one that has only v1: what it can ask is answered as to a client of v1.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineConformance } from './conformance/conformance.ts';
import { placesThrough, type StartedTarget, startSwitchyardOver } from './conformance/simulated.ts';
import type { RuntimeKind } from './conformance/traits.ts';

const KINDS: readonly RuntimeKind[] = ['containerd-1.7', 'containerd-1.4', 'cri-o'];

describe('Switchyard over simulated runtimes, for a client of v1alpha2', () => {
  let target: StartedTarget;

  beforeAll(async () => {
    target = await startSwitchyardOver(KINDS, 'v1alpha2');
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  defineConformance({ places: placesThrough(KINDS, 'v1alpha2'), target: () => target }, true);
});
