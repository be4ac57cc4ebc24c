import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { calls, crash } from '../../support/image-world.ts';
import { type ProxyWorld, proxyWorld, type WorldBackend } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const timeouts = { listMs: 1_000, statusMs: 1_000 };
const MAIN: WorldBackend = { name: 'main', profile: 'containerd-2.1', timeouts };
const SIDE: WorldBackend = { name: 'side', profile: 'cri-o', handlers: { side: '' }, timeouts };

describe('ImageFsInfo over two runtimes', () => {
  let world: ProxyWorld;
  afterEach(() => world[Symbol.asyncDispose]());

  const mounts = async () =>
    (await world.client.call('ImageFsInfo', {})).imageFilesystems.map(({ fsId }) => fsId?.mountpoint);
  const own = async (name: string) => {
    using direct = world.direct(name);
    return (await direct.call('ImageFsInfo', {})).imageFilesystems.map(({ fsId }) => fsId?.mountpoint);
  };

  /** Each backend was asked once when it became ready; resolves when that is over. */
  const untilAsked = () =>
    until(
      () => ['main', 'side'].every((name) => answered(name)),
      'the backends have been asked when they became ready',
    );
  const answered = (name: string) =>
    world.runtime(name).journal.some(({ method, ended }) => method === 'ImageFsInfo' && ended !== undefined);
  /** Starts Switchyard anew, without its memory, over runtimes that do not answer. */
  const restartOverSilence = async (...names: readonly string[]) => {
    for (const name of names) world.runtime(name).faults.add('ImageFsInfo', { kind: 'hang' });
    await world.restart(undefined, 'forgetting');
  };

  it('R19: has the file systems of the default backend first, and each mount point once', async () => {
    world = await proxyWorld([MAIN, SIDE, { ...SIDE, name: 'third', handlers: { third: '' } }]);
    expect(await mounts()).toEqual([...(await own('main')), ...(await own('side'))]);
  });

  it('R19: asks a backend that is not the default at most every five seconds, and again after a pull or removal', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await untilAsked();
    const image = { image: 'registry.test/app:1', runtimeHandler: 'side' };
    for (let i = 0; i < 5; i++) await mounts();
    expect([calls(world, 'main', 'ImageFsInfo'), calls(world, 'side', 'ImageFsInfo')]).toEqual([
      1 + 5,
      1 + 1,
    ]);
    await world.client.call('PullImage', { image });
    await mounts();
    expect(calls(world, 'side', 'ImageFsInfo')).toBe(1 + 2);
    await world.client.call('RemoveImage', { image: { image: image.image } });
    await mounts();
    expect(calls(world, 'side', 'ImageFsInfo')).toBe(1 + 3);
  });

  it('R19: puts one question to such a backend, however many calls wait for it', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await untilAsked();
    await Promise.all(Array.from({ length: 10 }, mounts));
    expect(calls(world, 'side', 'ImageFsInfo')).toBe(1 + 1);
  });

  it('R19: is not held up beyond the list budget by such a backend that hangs', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await restartOverSilence('side');
    const hang = world.runtime('side').faults.add('*', { kind: 'hang' });
    expect(await mounts()).toEqual(await own('main'));
    await until(() => world.lines.some(({ fields }) => fields['state'] === 'hanging'), 'it is known to hang');
    hang.clear();
  });

  it('R19: gives the last answer of the default backend, with the time of now, while that is down or hangs', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const first = await world.client.call('ImageFsInfo', {});
    const hang = world.runtime('main').faults.add('ImageFsInfo', { kind: 'hang' });
    for (const trouble of ['slow', 'down']) {
      if (trouble === 'down') await crash(world, 'main');
      // The client reads nanoseconds as a double, so they are compared as such.
      const askedAtNs = Date.now() * 1e6;
      const { imageFilesystems } = await world.client.call('ImageFsInfo', {});
      expect(imageFilesystems[0], trouble).toMatchObject({
        fsId: first.imageFilesystems[0]?.fsId,
        usedBytes: first.imageFilesystems[0]?.usedBytes,
      });
      expect(imageFilesystems[0]?.timestamp, trouble).toBeGreaterThanOrEqual(askedAtNs);
    }
    hang.clear();
  });

  it('R19: gives it for a minute while the default backend ends it with errors, which the log says once, then the error', async () => {
    let aheadMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    world = await proxyWorld([MAIN, SIDE], undefined, clock);
    const before = await mounts();
    const error = { kind: 'refuse', status: 'INTERNAL', message: 'input/output error' } as const;
    const warnings = () =>
      world.lines.filter(({ level, text }) => level === 'warn' && text.includes('ends ImageFsInfo'));
    for (const round of [1, 2]) {
      const fault = world.runtime('main').faults.add('ImageFsInfo', error);
      for (let call = 0; call < 3; call++) expect(await mounts()).toEqual(before);
      expect(warnings()).toHaveLength(round);
      expect(warnings().at(-1)?.fields).toMatchObject({
        backend: 'main',
        reason: 'INTERNAL: input/output error',
      });
      aheadMs += 60_000;
      await expect(mounts()).rejects.toMatchObject({ code: status.INTERNAL, details: 'input/output error' });
      fault.clear();
      expect(await mounts()).toEqual(before);
    }
  });

  it('R19: gives it also right after a restart of Switchyard', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    const before = await mounts();
    world.runtime('main').crash();
    await world.restart('main');
    expect(await mounts()).toEqual(before);
  });

  it('R19: is UNAVAILABLE when no backend has ever answered, also one that turns out to hang', async () => {
    world = await proxyWorld([MAIN, SIDE]);
    await restartOverSilence('main', 'side');
    for (const name of ['main', 'side']) world.runtime(name).faults.add('*', { kind: 'hang' });
    await expect(mounts()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    for (const name of ['main', 'side']) world.runtime(name).faults.clear();
  });

  it('R19: lets a kubelet start before the default backend was ever there, with what the others say', async () => {
    world = await proxyWorld([{ ...MAIN, isDown: true }, SIDE]);
    expect(await mounts()).toEqual(await own('side'));
  });
});
