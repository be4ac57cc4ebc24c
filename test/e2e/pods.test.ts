// The life of pods through Switchyard, on each of its two backends, and for clients of both API versions.
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import type { CriClient } from '../support/cri-client.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { definePodLife } from './pod-life.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
let world: World;
let olderClient: CriClient;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  olderClient = world.switchyard.connect('v1alpha2');
});

afterAll(async () => {
  olderClient?.close();
  await world?.[Symbol.asyncDispose]();
});

describe.each([
  { where: 'the default backend', handler: '', client: 'v1' },
  { where: 'the backend of another handler', handler: 'runc2', client: 'v1' },
  { where: 'the default backend, for a client of v1alpha2', handler: '', client: 'v1alpha2' },
  { where: 'the backend of another handler, for a client of v1alpha2', handler: 'runc2', client: 'v1alpha2' },
])('Switchyard, with pods on $where', ({ handler, client }) => {
  definePodLife(() => ({
    cri: client === 'v1' ? world.cri : olderClient,
    handler,
    cgroupParent: world.run.cgroupParent,
    logs: world.run.file('logs'),
    stopsUnknownIds: true,
    pullable: world.pullable,
  }));
});
