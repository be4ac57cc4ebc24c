// The conformance suite against Switchyard over each simulated runtime alone: nothing is lost on the way.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineAbsence } from './conformance/absence.ts';
import { defineConformance } from './conformance/conformance.ts';
import { defineScripted } from './conformance/scripted.ts';
import {
  ALL_KINDS,
  placesThrough,
  type SimulatedSwitchyard,
  startSwitchyardOver,
} from './conformance/simulated.ts';

describe.each(ALL_KINDS)('Switchyard over simulated %s', (kind) => {
  let target: SimulatedSwitchyard;

  beforeAll(async () => {
    target = await startSwitchyardOver([kind]);
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  const plan = { places: placesThrough([kind]), target: () => target };
  defineConformance(plan, true);
  describe('with a runtime away', () => defineAbsence(plan));
  // Here for one; all others play the script beside each other in switchyard-over-six.test.ts.
  if (kind === 'reference') describe('by the script', () => defineScripted(plan));
});
