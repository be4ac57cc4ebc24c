// The conformance suite: what holds of every server of CRI. The same tests run against each simulated runtime, against
// real ones, and against Switchyard over any of them; where answers may differ the traits of the place say how.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { allRpcs, type Rpc } from '../../support/cri-codec.ts';
import { Bench } from './bench.ts';
import { defineContainers } from './containers.ts';
import { defineEvents } from './events.ts';
import { defineExec } from './exec.ts';
import { defineImages } from './images.ts';
import { defineLists } from './lists.ts';
import { defineNode } from './node.ts';
import { definePodSandboxes } from './pod-sandboxes.ts';
import { defineStats } from './stats.ts';
import type { Plan } from './target.ts';
import type { Traits } from './traits.ts';
import { defineUnknownIds } from './unknown-ids.ts';

/** Defines the suite in the current `describe`. `isProxied`: the target is a Switchyard over its places. */
export function defineConformance({ places, target }: Plan, isProxied: boolean): void {
  describe.each(places)('with pods on $name', (place) => {
    const bench = new Bench(place, target);
    afterEach(() => bench.tidy());
    afterAll(() => bench.clear());

    describe('pod sandboxes', () => definePodSandboxes(bench));
    describe('containers', () => defineContainers(bench));
    describe('lists', () => defineLists(bench));
    describe('commands and streams', () => defineExec(bench));
    describe('images', () => defineImages(bench));
    describe('statistics and metrics', () => defineStats(bench));
    describe('events', () => defineEvents(bench));
    describe('unknown ids', () => defineUnknownIds(bench, isProxied));
  });

  const [first] = places;
  if (first === undefined) throw new Error('a target leads to one place at least');
  describe('the node', () => defineNode(new Bench(first, target), isProxied));

  it('was asked for every RPC of CRI, and served each that it has', () => {
    const { called, succeeded } = target().calls;
    expect(allRpcs().filter((rpc) => !called.includes(rpc))).toEqual([]);
    const served = allRpcs().filter((rpc) => places.some(({ traits }) => isServed(rpc, traits)));
    expect(served.filter((rpc) => !succeeded.includes(rpc))).toEqual([]);
  });
}

/** Whether a runtime serves an RPC so that it can go well. */
function isServed(rpc: Rpc, traits: Traits): boolean {
  if (rpc === 'ReopenContainerLog') return traits.reopensLogs;
  if (rpc === 'CheckpointContainer' && !traits.hasCriu) return false;
  return !traits.lacks.includes(rpc);
}
