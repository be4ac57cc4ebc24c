// What a real old containerd ignores in silence, shown on its own socket, and that Switchyard does not let it come to
// that; and that a newer one gets the same request as it is.
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CriClient, CriError } from '../support/cri-client.ts';
import type { PodSandboxConfig } from '../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../support/cri-configs.ts';
import { removePods } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { IMAGES } from '../support/oci-image.ts';
import { sandboxIds, startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
let world: World;
let made: { cri: CriClient; podSandboxId: string; config: PodSandboxConfig; uid: string }[] = [];

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason === undefined) world = await startWorld();
});

afterEach(async () => {
  const pods = made;
  made = [];
  for (const pod of pods) await removePods(pod.cri, [pod]);
});

afterAll(() => world?.[Symbol.asyncDispose]());

const IDS = [{ hostId: 200_000, containerId: 0, length: 65_536 }];
/** A user namespace of the pod's own, in the form that a kubelet asks for it. */
const usernsOptions = { mode: 0, uids: IDS, gids: IDS };
/** The whole of the node's ids, as a process in no user namespace of its own sees them. */
const NODE_IDS = /^\s*0\s+0\s+4294967295\s*$/;

function aConfig(): PodSandboxConfig {
  const config = aPodSandboxConfig({ cgroupParent: world.run.cgroupParent });
  const securityContext = { namespaceOptions: { pid: 1, usernsOptions } };
  return { ...config, linux: { ...config.linux, securityContext } };
}

/** Runs such a pod with a container; the user ids that the container has, or how it was refused. */
async function userIdsOf(cri: CriClient, runtimeHandler: string): Promise<string> {
  try {
    return await tryUserIds(cri, runtimeHandler);
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    return `refused: ${error.code} ${withoutIds(error.details)}`;
  }
}

async function tryUserIds(cri: CriClient, runtimeHandler: string): Promise<string> {
  const config = aConfig();
  const { podSandboxId } = await cri.call('RunPodSandbox', { config, runtimeHandler });
  made.push({ cri, podSandboxId, config, uid: config.metadata?.uid ?? '' });
  const container = aContainerConfig({ image: IMAGES.app, args: ['-c', 'sleep 600'] });
  const linux = { ...container.linux, securityContext: { namespaceOptions: { pid: 1, usernsOptions } } };
  const { containerId } = await cri.call('CreateContainer', {
    podSandboxId,
    config: { ...container, linux },
    sandboxConfig: config,
  });
  await cri.call('StartContainer', { containerId });
  const { stdout } = await cri.call('ExecSync', { containerId, cmd: ['cat', '/proc/self/uid_map'] });
  return stdout.toString();
}

/** Ids and paths with ids differ from one pod to the next. */
function withoutIds(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, 'ID');
}

describe('a pod that asks for a user namespace', () => {
  it("is run by containerd 1.6 in the node's own, without a word", async () => {
    expect(await userIdsOf(world.old.cri, '')).toMatch(NODE_IDS);
  });

  it('is refused by Switchyard where its backend is containerd 1.6, and never reaches it', async () => {
    const before = await sandboxIds(world.old.cri);
    const refused = await userIdsOf(world.cri, '');
    expect(refused).toContain(`refused: ${status.FAILED_PRECONDITION} switchyard: pod default/`);
    expect(refused).toContain('backend old runs containerd 1.6');
    expect(refused).toContain('hostUsers: false');
    expect(await sandboxIds(world.old.cri)).toEqual(before);
  });

  it.each([
    ['1.7', 'middle', 'runc17'],
    ['2', 'new', 'runc2'],
  ] as const)(
    'gets through Switchyard what containerd %s does with it itself',
    async (_, backend, exposed) => {
      const direct = await userIdsOf(world[backend].cri, 'runc');
      console.log(`${backend}: ${direct}`);
      expect(direct).not.toMatch(NODE_IDS);
      expect(await userIdsOf(world.cri, exposed)).toBe(direct);
    },
  );
});

describe('a pod that asks for no groups but its own', () => {
  it.each([
    ['1.6', 'old', ''],
    ['1.7', 'middle', 'runc17'],
  ] as const)(
    'is refused where its backend is containerd %s, which takes it without a word',
    async (_, backend, exposed) => {
      const config = { ...aPodSandboxConfig({ cgroupParent: world.run.cgroupParent }) };
      const strict = {
        ...config,
        linux: { ...config.linux, securityContext: { supplementalGroupsPolicy: 1 } },
      };
      const { cri } = world[backend];
      const { podSandboxId } = await cri.call('RunPodSandbox', {
        config: strict,
        runtimeHandler: exposed && 'runc',
      });
      made.push({ cri, podSandboxId, config, uid: config.metadata?.uid ?? '' });
      const other = aPodSandboxConfig({ cgroupParent: world.run.cgroupParent });
      await expect(
        world.cri.call('RunPodSandbox', {
          config: { ...other, linux: strict.linux },
          runtimeHandler: exposed,
        }),
      ).rejects.toMatchObject({
        code: status.FAILED_PRECONDITION,
        details: expect.stringContaining(`backend ${backend}`),
      });
    },
  );
});
