// What the node is told: version, status, cgroup driver, pod network, file systems, and RPCs that nobody knows.
import { expect, it } from 'vitest';
import type { Bench } from './bench.ts';

export function defineNode(bench: Bench, isProxied: boolean): void {
  const { traits } = bench.place;

  it('R19: tells version 0.1.0, one name, and a version of its own', async () => {
    const said = await bench.cri.call('Version', { version: '0.1.0' });
    expect(said).toMatchObject({ version: '0.1.0', runtimeName: traits.runtimeName });
    expect(said.runtimeVersion).toMatch(/^v?\d+\.\d+/);
    expect(said.runtimeApiVersion).toBe(bench.cri.pathOf('Version').split('.')[1]);
    expect(await bench.cri.call('Version', {})).toEqual(said);
  });

  it('R17: says that runtime and network are ready', async () => {
    const { status, info } = await bench.cri.call('Status', {});
    const conditions = new Map(status?.conditions.map(({ type, status: isTrue }) => [type, isTrue]));
    expect(conditions.get('RuntimeReady')).toBe(true);
    expect(conditions.get('NetworkReady')).toBe(true);
    expect(info).toEqual({});
  });

  it('lists each runtime handler once, where it lists any', async () => {
    const { runtimeHandlers } = await bench.cri.call('Status', {});
    const names = runtimeHandlers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.includes(bench.place.handler)).toBe(traits.listsHandlers);
  });

  it('tells more of itself when asked to be verbose', async () => {
    const { info } = await bench.cri.call('Status', { verbose: true });
    expect(Object.keys(info)).not.toEqual([]);
  });

  it('R11: tells the cgroup driver, where it can', async () => {
    if (bench.lacks('RuntimeConfig')) expect(await bench.code('RuntimeConfig', {})).toBe('UNIMPLEMENTED');
    else expect((await bench.cri.call('RuntimeConfig', {})).linux?.cgroupDriver).toBe(1);
  });

  it('takes the network of the pods', async () => {
    const runtimeConfig = { networkConfig: { podCidr: '10.250.0.0/24' } };
    await bench.cri.call('UpdateRuntimeConfig', { runtimeConfig });
  });

  it('R19: tells on which file systems images and containers are', async () => {
    const { imageFilesystems, containerFilesystems } = await bench.cri.call('ImageFsInfo', {});
    expect(imageFilesystems[0]?.fsId?.mountpoint).toMatch(/^\//);
    expect(imageFilesystems[0]?.timestamp).toBeGreaterThan(0);
    expect(containerFilesystems.length > 0).toBe(traits.hasContainerFs);
  });

  it('R11: answers UNIMPLEMENTED to an RPC that nobody knows, and to a service', async () => {
    const service = bench.cri.pathOf('Version').split('/')[1];
    const reply = await bench.cri.rawCall(`/${service}/Juggle`, Buffer.alloc(0));
    expect(reply.code).toBe(12);
    expect(reply.details).toMatch(/^unknown method Juggle for service /);
    const stranger = await bench.cri.rawCall('/some.other.Service/Juggle', Buffer.alloc(0));
    expect(stranger.code).toBe(12);
    if (!isProxied) expect(stranger.details).toBe('unknown service some.other.Service');
  });
}
