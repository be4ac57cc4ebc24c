// The conformance suite against the built Switchyard over real containerd 1.6, 1.7 and 2.1 together, for clients of both
// API versions, and the streams and logs of pods through it.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineAbsence } from '../contract/conformance/absence.ts';
import { Bench } from '../contract/conformance/bench.ts';
import { defineConformance } from '../contract/conformance/conformance.ts';
import { defineMultiplexing } from '../contract/conformance/multiplexing.ts';
import type { SwitchyardTarget } from '../contract/conformance/switchyard-target.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { definePodIo } from './pod-io.ts';
import { PLACES, placesThrough, switchyardTarget } from './real-target.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
let world: World;
let target: SwitchyardTarget;
let olderTarget: SwitchyardTarget;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  target = switchyardTarget(world);
  olderTarget = switchyardTarget(world, 'v1alpha2');
});

afterAll(async () => {
  target?.cri.close();
  olderTarget?.cri.close();
  await world?.[Symbol.asyncDispose]();
});

describe('Switchyard over real containerd 1.6, 1.7 and 2.1', () => {
  const plan = { places: PLACES, target: () => target };
  defineConformance(plan, true);

  describe.each(PLACES)('with pods on $name', (place) => definePodIo(new Bench(place, () => target)));

  describe('for a client of v1alpha2', () => {
    defineConformance({ places: placesThrough('v1alpha2'), target: () => olderTarget }, true);

    it('has spoken only v1 to a backend that has both', async () => {
      // containerd 1.7 shows in its status whether anyone spoke v1alpha2 to it since it started.
      const { status } = await world.middle.cri.call('Status', {});
      expect(status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'ContainerdHasNoDeprecationWarnings', status: true }),
      );
    });
  });

  describe('as one runtime', () => defineMultiplexing(plan));
  describe('with a runtime away', () => defineAbsence(plan));
});
