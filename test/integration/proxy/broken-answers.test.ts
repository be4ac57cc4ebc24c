// A backend that sends bytes which are no protobuf. What can be told without it is told; the rest fails, by its name.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const BROKEN = Buffer.from([0x0a, 0x7f, 0x01]);
const STATUS = {
  status: {
    conditions: [
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', status: true },
    ],
  },
};

describe('a backend whose answers are broken', () => {
  let dir: TempDir;
  let good: ScriptedBackend;
  let bad: ScriptedBackend;
  let switchyard: Switchyard;
  let client: CriClient;

  beforeEach(async () => {
    dir = await tempDir();
    good = await scriptedBackend(dir.file('good.sock'));
    bad = await scriptedBackend(dir.file('bad.sock'));
    for (const backend of [good, bad])
      backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
    good.answer('Status', { messages: [codecOf('Status').encodeResponse(STATUS)] });
    good.answer('RuntimeConfig', { messages: [Buffer.from([0x0a, 0])] });
    good.answer('ListContainerStats', {
      messages: [
        codecOf('ListContainerStats').encodeResponse({ stats: [{ attributes: { id: 'a'.repeat(64) } }] }),
      ],
    });
    for (const rpc of ['Status', 'RuntimeConfig', 'ListMetricDescriptors', 'ListContainerStats'] as const)
      bad.answer(rpc, { messages: [BROKEN] });
    const lines: LogLine[] = [];
    const config = configOf(dir, [
      { name: 'good', profile: 'reference' },
      { name: 'bad', profile: 'reference' },
    ]);
    switchyard = await startSwitchyard({ config, log: recorder(lines) });
    client = new CriClient(switchyard.socket);
    await until(() => lines.filter(({ text }) => text === 'backend is ready').length === 2, 'both are ready');
  });

  afterEach(async () => {
    client.close();
    await switchyard.close();
    for (const backend of [good, bad]) await backend[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  it('R18: does not keep the node from having a Status', async () => {
    const { status: told } = await client.call('Status', {});
    const conditions = new Map(told?.conditions.map((condition) => [condition.type, condition]));
    expect(conditions.get('RuntimeReady')?.status).toBe(true);
    expect(conditions.get('Backend.bad.Ready')).toMatchObject({
      status: false,
      message: expect.stringContaining('broken'),
    });
  });

  it('does not keep a list from the others: its last list that could be read stands for it', async () => {
    const containers = (id: string) => codecOf('ListContainers').encodeResponse({ containers: [{ id }] });
    good.answer('ListContainers', { messages: [containers('a'.repeat(64))] });
    bad.answer('ListContainers', { messages: [containers('b'.repeat(64))] });
    const ids = async () => (await client.call('ListContainers', {})).containers.map(({ id }) => id);
    const both = ['a'.repeat(64), 'b'.repeat(64)];
    expect(await ids()).toEqual(both);
    bad.answer('ListContainers', { messages: [BROKEN] });
    expect(await ids()).toEqual(both);
  });

  it('is stood for by its last list while the headers of its answers are over all limits', async () => {
    const containers = (id: string) => codecOf('ListContainers').encodeResponse({ containers: [{ id }] });
    good.answer('ListContainers', { messages: [Buffer.alloc(0)] });
    bad.answer('ListContainers', { messages: [containers('b'.repeat(64))] });
    const ids = async () => (await client.call('ListContainers', {})).containers.map(({ id }) => id);
    expect(await ids()).toEqual(['b'.repeat(64)]);
    const trailers = Object.fromEntries(Array.from({ length: 10_100 }, (_, n) => [`x-${n}`, '']));
    bad.answer('ListContainers', { code: status.UNKNOWN, trailers });
    expect(await ids()).toEqual(['b'.repeat(64)]);
  });

  it('is awaited for one list at a time when its answers never end', async () => {
    bad.answer('ListContainers', { messages: [Buffer.alloc(0)] });
    good.answer('ListContainers', { messages: [Buffer.alloc(0)] });
    bad.answer('ListPodSandbox', { messages: [Buffer.alloc(0)] });
    good.answer('ListPodSandbox', { messages: [Buffer.alloc(0)] });
    await client.call('ListContainers', {});
    await client.call('ListPodSandbox', {}); // so that it is listed, and not asked again for Switchyard's own sake
    const earlier = bad.arrivals.length;
    bad.answer('ListContainers', { headers: {}, staysOpen: true });
    await Promise.all(Array.from({ length: 5 }, () => client.call('ListContainers', {})));
    const open = () =>
      bad.arrivals
        .slice(earlier)
        .filter(({ path, isCancelled }) => path.endsWith('ListContainers') && !isCancelled);
    await until(() => open().length === 1, 'all but one list are given up');
  });

  it('is passed on, to be judged by the client, where it is the statistics of one container, and left out of a list', async () => {
    const containers = codecOf('ListContainers').encodeResponse({ containers: [{ id: 'b'.repeat(64) }] });
    good.answer('ListContainers', { messages: [Buffer.alloc(0)] });
    bad.answer('ListContainers', { messages: [containers] });
    const fsInfo = { imageFilesystems: [{ fsId: { mountpoint: '/images' } }] };
    bad.answer('ImageFsInfo', { messages: [codecOf('ImageFsInfo').encodeResponse(fsInfo)] });
    bad.answer('ContainerStats', { messages: [BROKEN] });
    await client.call('ListContainers', {});
    await client.rawCall('/runtime.v1.ImageService/ImageFsInfo', Buffer.alloc(0));
    const request = codecOf('ContainerStats').encode({ containerId: 'b'.repeat(64) });
    const path = '/runtime.v1.RuntimeService/ContainerStats';
    expect(await client.rawCall(path, request)).toMatchObject({ code: 0, messages: [BROKEN] });
    const { stats } = await client.call('ListContainerStats', {});
    expect(stats.map(({ attributes }) => attributes?.id)).toEqual(['a'.repeat(64)]);
  });

  it('fails a list when nothing of it could ever be read', async () => {
    good.answer('ListPodSandbox', { messages: [Buffer.alloc(0)] });
    bad.answer('ListPodSandbox', { messages: [BROKEN] });
    await expect(client.call('ListPodSandbox', {})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend bad sent a ListPodSandbox reply that is broken'),
    });
  });

  it('does not keep the kubelet from its cgroup driver, nor from the descriptors and statistics of others', async () => {
    expect((await client.call('RuntimeConfig', {})).linux?.cgroupDriver).toBe(0);
    good.answer('ListMetricDescriptors', {
      messages: [codecOf('ListMetricDescriptors').encodeResponse({ descriptors: [{ name: 'up' }] })],
    });
    const { descriptors } = await client.call('ListMetricDescriptors', {});
    expect(descriptors.map(({ name }) => name)).toEqual(['up']);
    const { stats } = await client.call('ListContainerStats', {});
    expect(stats.map(({ attributes }) => attributes?.id)).toEqual(['a'.repeat(64)]);
  });
});
