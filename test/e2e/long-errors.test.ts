// A containerd's error that names what it was asked for, however long that is, beside the same error without Switchyard.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aContainerConfig } from '../support/cri-configs.ts';
import { type Pod, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { HeaderClient } from '../support/header-client.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
const HANDLERS = { old: 'runc', middle: 'runc17', new: 'runc2' } as const;
const NAMES = Object.keys(HANDLERS) as (keyof typeof HANDLERS)[];
const IMAGE_NAME_BYTES = 70_000;
let world: World;
const pods = new Map<string, Pod>();

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  world = await startWorld();
  const { cgroupParent } = world.run;
  for (const name of NAMES)
    pods.set(name, await runPod(world.cri, { cgroupParent, handler: HANDLERS[name] }));
});

afterAll(() => world?.[Symbol.asyncDispose]());

function createOn(client: HeaderClient, { podSandboxId, config }: Pod) {
  const image = `e2e.test/${'n'.repeat(IMAGE_NAME_BYTES)}:1`;
  return client.call('CreateContainer', {
    podSandboxId,
    config: aContainerConfig({ image }),
    sandboxConfig: config,
  });
}

describe('CreateContainer with an image name of 70,000 bytes', () => {
  it.each(NAMES)("gets the error of containerd '%s' as it is without Switchyard", async (name) => {
    using direct = new HeaderClient(world[name].socket);
    using proxied = new HeaderClient(world.switchyard.socket);
    const pod = pods.get(name) as Pod;
    const expected = await createOn(direct, pod);
    const got = await createOn(proxied, pod);
    expect(got.code).toBe(expected.code);
    expect(got.message === expected.message).toBe(true);
    expect(got.code).not.toBe(0);
    expect(got.message).not.toContain('switchyard:');
    console.log(`containerd ${name}: code ${got.code}, a message of ${got.message.length} characters`);
  });
});
