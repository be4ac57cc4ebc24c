// The conformance suite against Switchyard over six simulated runtimes for a client that speaks v1alpha2 alone: what it
// can ask is answered as to a client of v1, also by runtimes that have only v1.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineConformance } from './conformance/conformance.ts';
import {
  placesThrough,
  REAL_KINDS,
  type StartedTarget,
  startSwitchyardOver,
} from './conformance/simulated.ts';

describe('Switchyard over six simulated runtimes, for a client of v1alpha2', () => {
  let target: StartedTarget;

  beforeAll(async () => {
    target = await startSwitchyardOver(REAL_KINDS, 'v1alpha2');
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  defineConformance({ places: placesThrough(REAL_KINDS, 'v1alpha2'), target: () => target }, true);
});
