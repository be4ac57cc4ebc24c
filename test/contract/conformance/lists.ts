// Lists of pod sandboxes and containers, whole and in parts, and what their filters let through.
import { status as Code } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { type Bench, CREATED, NOBODY, NOT_READY, READY, RUNNING } from './bench.ts';

export function defineLists(bench: Bench): void {
  /** The ids of a list, and that the stream list has the same where it is served. */
  async function sandboxes(filter: object | undefined): Promise<string[]> {
    const { items } = await bench.cri.call('ListPodSandbox', { filter });
    const ids = items.map(({ id }) => id);
    if (bench.lacks('StreamPodSandboxes')) {
      expect(await bench.code('StreamPodSandboxes', { filter })).toBe('UNIMPLEMENTED');
      return ids;
    }
    const messages = await bench.all('StreamPodSandboxes', { filter });
    for (const { podSandboxes } of messages) expect(podSandboxes).not.toEqual([]);
    const streamed = messages.flatMap(({ podSandboxes }) => podSandboxes.map(({ id }) => id));
    expect(streamed.sort()).toEqual([...ids].sort());
    return ids;
  }

  async function containers(filter: object | undefined): Promise<string[]> {
    const list = await bench.cri.call('ListContainers', { filter });
    const ids = list.containers.map(({ id }) => id);
    if (bench.lacks('StreamContainers')) {
      expect(await bench.code('StreamContainers', { filter })).toBe('UNIMPLEMENTED');
      return ids;
    }
    const messages = await bench.all('StreamContainers', { filter });
    for (const message of messages) expect(message.containers).not.toEqual([]);
    const streamed = messages.flatMap((message) => message.containers.map(({ id }) => id));
    expect(streamed.sort()).toEqual([...ids].sort());
    return ids;
  }

  it('finds pod sandboxes by id, by its beginning, by state and by labels, and by all at once', async () => {
    const group = `group-${Math.random()}`;
    const { podSandboxId: up, uid } = await bench.pod({ labels: { group, tier: 'front' } });
    const { podSandboxId: down } = await bench.pod({ labels: { group, tier: 'back' } });
    await bench.cri.call('StopPodSandbox', { podSandboxId: down });
    const both = [up, down].sort();
    expect((await sandboxes({ labelSelector: { group } })).sort()).toEqual(both);
    expect(await sandboxes({ id: down })).toEqual([down]);
    expect(await sandboxes({ id: up.slice(0, 20) })).toEqual([up]);
    expect(await sandboxes({ labelSelector: { 'io.kubernetes.pod.uid': uid } })).toEqual([up]);
    expect(await sandboxes({ state: { state: NOT_READY }, labelSelector: { group } })).toEqual([down]);
    expect(await sandboxes({ state: { state: READY }, labelSelector: { group } })).toEqual([up]);
    expect(await sandboxes({ labelSelector: { group, tier: 'front' } })).toEqual([up]);
    expect(await sandboxes({ labelSelector: { group, tier: 'nowhere' } })).toEqual([]);
    expect(await sandboxes({ id: up, state: { state: NOT_READY } })).toEqual([]);
  });

  it('finds containers by id, by its beginning, by pod, by state and by labels, and by all at once', async () => {
    const group = `group-${Math.random()}`;
    const pod = await bench.pod();
    const { podSandboxId } = pod;
    const running = await bench.running(pod, { name: 'web', labels: { group } });
    const created = await bench.container(pod, { name: 'side', labels: { group, role: 'side' } });
    const both = [running, created].sort();
    expect((await containers({ podSandboxId })).sort()).toEqual(both);
    expect((await containers({ labelSelector: { group } })).sort()).toEqual(both);
    expect(await containers({ id: running })).toEqual([running]);
    expect(await containers({ id: running.slice(0, 20) })).toEqual([running]);
    expect(await containers({ podSandboxId, state: { state: CREATED } })).toEqual([created]);
    expect(await containers({ state: { state: RUNNING }, labelSelector: { group } })).toEqual([running]);
    expect(await containers({ podSandboxId, labelSelector: { role: 'side' } })).toEqual([created]);
    expect(await containers({ podSandboxId, labelSelector: { role: 'none' } })).toEqual([]);
    expect(await containers({ id: running, podSandboxId: (await bench.shared()).podSandboxId })).toEqual([]);
  });

  it('takes an empty filter for none', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const pods = await sandboxes(undefined);
    expect(pods).toContain(podSandboxId);
    expect((await sandboxes({})).sort()).toEqual(pods.sort());
    const all = await containers(undefined);
    expect(all).toContain(containerId);
    expect((await containers({})).sort()).toEqual(all.sort());
  });

  it('gives an empty list for an id that nobody has', async () => {
    await bench.shared();
    expect(await sandboxes({ id: NOBODY })).toEqual([]);
    expect(await containers({ id: NOBODY })).toEqual([]);
    expect(await containers({ podSandboxId: NOBODY })).toEqual([]);
  });

  it('lists pods and containers with what a kubelet keeps of them', async () => {
    const { podSandboxId, containerId, uid } = await bench.shared();
    const { items } = await bench.cri.call('ListPodSandbox', { filter: { id: podSandboxId } });
    expect(items).toMatchObject([
      { id: podSandboxId, state: READY, metadata: { uid }, labels: { 'io.kubernetes.pod.uid': uid } },
    ]);
    const list = await bench.cri.call('ListContainers', { filter: { id: containerId } });
    expect(list.containers).toMatchObject([
      { id: containerId, podSandboxId, state: RUNNING, metadata: { name: 'main' } },
    ]);
    expect(list.containers[0]?.createdAt).toBeGreaterThan(0);
    expect(list.containers[0]?.imageRef).not.toBe('');
  });

  it('takes the beginning of an id wherever an id stands', async () => {
    const { podSandboxId, containerId } = await bench.shared();
    const short = { podSandboxId: podSandboxId.slice(0, 20), containerId: containerId.slice(0, 20) };
    const pod = await bench.cri.call('PodSandboxStatus', { podSandboxId: short.podSandboxId });
    expect(pod.status?.id).toBe(podSandboxId);
    const container = await bench.cri.call('ContainerStatus', { containerId: short.containerId });
    expect(container.status?.id).toBe(containerId);
    expect(await containers({ podSandboxId: short.podSandboxId })).toEqual([containerId]);
  });

  it('R12: answers INTERNAL to the filter of a list that does not parse', async () => {
    for (const rpc of [
      'ListPodSandbox',
      'ListContainers',
      'StreamPodSandboxes',
      'StreamContainers',
    ] as const) {
      if (bench.lacks(rpc)) continue;
      // A state that ends within its number.
      const { code, details } = await bench.cri.rawCall(
        bench.cri.pathOf(rpc),
        Buffer.from('0a03120180', 'hex'),
      );
      expect(`${rpc} ${code}`).toBe(`${rpc} ${Code.INTERNAL}`);
      expect(details).toContain('grpc: error unmarshalling request');
    }
  });
}
