// The conformance suite against each simulated runtime alone: what the simulator plays is what real runtimes do.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineConformance } from './conformance/conformance.ts';
import { ALL_KINDS, directPlace, type StartedTarget, startDirect } from './conformance/simulated.ts';

describe.each(ALL_KINDS)('simulated %s', (kind) => {
  let target: StartedTarget;

  beforeAll(async () => {
    target = await startDirect(kind);
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  defineConformance({ places: [directPlace(kind)], target: () => target }, false);
});
