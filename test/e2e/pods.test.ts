// The life of pods through Switchyard, on each of its two backends, and for clients of both API versions.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CriClient } from '../support/cri-client.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { defineImageLife } from './image-life.ts';
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
  { where: 'a backend that has only v1, for a client of v1alpha2', handler: 'runc2', client: 'v1alpha2' },
  {
    where: 'a backend that has both versions, for a client of v1alpha2',
    handler: 'runc17',
    client: 'v1alpha2',
  },
])('Switchyard, with pods on $where', ({ handler, client }) => {
  const podWorld = () => ({
    cri: client === 'v1' ? world.cri : olderClient,
    handler,
    cgroupParent: world.run.cgroupParent,
    logs: world.run.file('logs'),
    stopsUnknownIds: true,
    pullable: world.pullable,
  });
  definePodLife(podWorld);
  defineImageLife(podWorld);
});

describe('Switchyard, after calls of a client of v1alpha2', () => {
  it('has spoken only v1 to a backend that has both', async () => {
    // containerd 1.7 shows in its status whether anyone spoke v1alpha2 to it since it started.
    const { status } = await world.middle.cri.call('Status', {});
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'ContainerdHasNoDeprecationWarnings', status: true }),
    );
  });
});
