import { describe, expect, it } from 'vitest';
import { agreedRuntimeConfig } from '../../../src/merge/runtime-config.ts';

const systemd = { backend: 'main', driver: 'systemd', reply: Buffer.from([0x0a, 0]) } as const;
const cgroupfs = { backend: 'side', driver: 'cgroupfs', reply: Buffer.from([0x0a, 2, 8, 1]) } as const;

describe('agreedRuntimeConfig', () => {
  it('is the bytes of the first backend when all agree', () => {
    expect(agreedRuntimeConfig([systemd, { ...systemd, backend: 'side' }])).toBe(systemd.reply);
  });

  it('is nothing when no backend can say', () => {
    expect(agreedRuntimeConfig([])).toBeUndefined();
  });

  it('refuses backends that differ, by name', () => {
    expect(() => agreedRuntimeConfig([systemd, cgroupfs])).toThrow(
      'backend main uses the cgroup driver systemd and backend side uses cgroupfs',
    );
  });
});
