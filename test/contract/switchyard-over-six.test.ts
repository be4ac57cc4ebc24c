// The conformance suite against Switchyard over six simulated runtimes at once, with pods on each: they look like one.
import { afterAll, beforeAll, describe } from 'vitest';
import { defineAbsence } from './conformance/absence.ts';
import { defineConformance } from './conformance/conformance.ts';
import { defineMultiplexing } from './conformance/multiplexing.ts';
import { defineRuleCoverage } from './conformance/rule-coverage.ts';
import { defineScripted } from './conformance/scripted.ts';
import {
  placesThrough,
  REAL_KINDS,
  type SimulatedSwitchyard,
  startSwitchyardOver,
} from './conformance/simulated.ts';

describe('Switchyard over six simulated runtimes', () => {
  let target: SimulatedSwitchyard;

  beforeAll(async () => {
    target = await startSwitchyardOver(REAL_KINDS);
  });
  afterAll(() => target?.[Symbol.asyncDispose]());

  const plan = { places: placesThrough(REAL_KINDS), target: () => target };
  defineConformance(plan, true);
  describe('as one runtime', () => defineMultiplexing(plan));
  describe('with a runtime away', () => defineAbsence(plan));
  describe('by the script', () => defineScripted(plan));
  defineRuleCoverage();
});
