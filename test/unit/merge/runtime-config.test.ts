import { describe, expect, it } from 'vitest';
import type { CgroupDriver } from '../../../src/config/config.ts';
import { encodeRuntimeConfig, findLeader, saidDriver } from '../../../src/merge/runtime-config.ts';

const one = (backend: string, driver: CgroupDriver | undefined) => ({ backend, driver });

describe('the cgroup driver in a RuntimeConfig', () => {
  it('is systemd when linux is there and empty, and nothing when linux is not there', () => {
    expect(saidDriver(Buffer.from([0x0a, 0]))).toBe('systemd');
    expect(saidDriver(Buffer.from([0x0a, 2, 8, 1]))).toBe('cgroupfs');
    expect(saidDriver(Buffer.alloc(0))).toBeUndefined();
  });

  it('is written as it is read', () => {
    for (const driver of ['systemd', 'cgroupfs'] as const)
      expect(saidDriver(encodeRuntimeConfig(driver))).toBe(driver);
    expect(encodeRuntimeConfig('systemd')).toEqual(Buffer.from([0x0a, 0]));
  });
});

describe('findLeader', () => {
  it('takes the default backend, whoever led before', () => {
    expect(findLeader([one('main', 'systemd'), one('side', 'cgroupfs')], 'side')?.backend).toBe('main');
  });

  it('keeps the one that led while the default backend cannot say, and else takes the first that can', () => {
    const known = [one('main', undefined), one('a', 'systemd'), one('b', 'cgroupfs')];
    expect(findLeader(known, 'b')?.driver).toBe('cgroupfs');
    expect(findLeader(known, undefined)?.driver).toBe('systemd');
    expect(findLeader(known, 'gone')?.driver).toBe('systemd');
  });

  it('finds nobody when nobody can say', () => {
    expect(findLeader([one('main', undefined)], 'main')).toBeUndefined();
  });
});
