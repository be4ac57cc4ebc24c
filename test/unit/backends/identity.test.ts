import { describe, expect, it } from 'vitest';
import { Identity } from '../../../src/backends/identity.ts';

/** An identity with what it has kept last. */
function identity(configuredName?: string, kept?: Buffer) {
  let bytes = kept;
  const one = new Identity(configuredName, kept, (newer) => {
    bytes = newer;
  });
  return { one, kept: () => bytes };
}

describe('what the node runtime is called', () => {
  it('R19: is the name of the first contact, whatever comes later, with the newest version', () => {
    const { one, kept } = identity();
    expect(one.version).toBeUndefined();
    one.meet({ runtimeName: 'containerd', runtimeVersion: '1.7.24' });
    one.meet({ runtimeName: 'cri-o', runtimeVersion: '1.36.0' });
    const expected = { runtimeName: 'containerd', runtimeVersion: '1.36.0' };
    expect(one.version).toEqual(expected);
    expect(identity(undefined, kept()).one.version).toEqual(expected);
  });

  it('R19: is the configured name, also where another one was kept', () => {
    const { one, kept } = identity();
    one.meet({ runtimeName: 'containerd', runtimeVersion: '1.7.24' });
    expect(identity('docker', kept()).one.version?.runtimeName).toBe('docker');
  });

  it('R19: is never empty, and its version begins like one', () => {
    const { one } = identity();
    one.meet({ runtimeName: '', runtimeVersion: '' });
    expect(one.version).toEqual({ runtimeName: 'unknown', runtimeVersion: '0.0.0' });
    for (const version of ['1.6.20~ds1', 'v2.1.9', '1.37.0-dev+1234']) {
      one.meet({ runtimeName: 'x', runtimeVersion: version });
      expect(one.version?.runtimeVersion).toBe(version);
    }
    one.meet({ runtimeName: 'x', runtimeVersion: 'devel' });
    expect(one.version?.runtimeVersion).toBe('0.0.0');
  });

  it('begins anew from bytes that nobody can read', () => {
    expect(identity(undefined, Buffer.from('{')).one.version).toBeUndefined();
  });
});
