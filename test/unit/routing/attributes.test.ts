import { expect, test } from 'vitest';
import { MalformedMessageError } from '../../../src/errors.ts';
import { readAttributes } from '../../../src/routing/attributes.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';

const CONFIG = [1];
const HANDLER = [2];

test('reads all that rules can match from a RunPodSandbox request', () => {
  const config = aPodSandboxConfig({
    name: 'web-0',
    namespace: 'shop',
    uid: 'u-1',
    labels: { app: 'web' },
    annotations: { 'example.com/x': 'ü' },
    privileged: true,
    hostNetwork: true,
    hostPID: true,
    hostIPC: true,
  });
  const request = codecOf('RunPodSandbox').encode({ config, runtimeHandler: 'gvisor' });
  expect(readAttributes(request, CONFIG, HANDLER)).toEqual({
    name: 'web-0',
    namespace: 'shop',
    uid: 'u-1',
    handler: 'gvisor',
    labels: new Map(Object.entries(config.labels ?? {})),
    annotations: new Map([['example.com/x', 'ü']]),
    privileged: true,
    hostNetwork: true,
    hostPID: true,
    hostIPC: true,
  });
});

test.each(['hostNetwork', 'hostPID', 'hostIPC', 'privileged'] as const)('tells %s from the others', (key) => {
  const request = codecOf('RunPodSandbox').encode({ config: aPodSandboxConfig({ [key]: true }) });
  const { hostNetwork, hostPID, hostIPC, privileged } = readAttributes(request, CONFIG, HANDLER);
  const expected = { hostNetwork: false, hostPID: false, hostIPC: false, privileged: false, [key]: true };
  expect({ hostNetwork, hostPID, hostIPC, privileged }).toEqual(expected);
});

test('takes a namespace of the container or of another container for none of the host', () => {
  const config = {
    linux: { securityContext: { namespaceOptions: { network: 0, pid: 1, ipc: 3 } } },
  };
  const pod = readAttributes(codecOf('RunPodSandbox').encode({ config }), CONFIG, HANDLER);
  expect([pod.hostNetwork, pod.hostPID, pod.hostIPC]).toEqual([false, false, false]);
});

test('reads a RestorePod request by its own paths', () => {
  const config = aPodSandboxConfig({ name: 'web-0', uid: 'u-1' });
  const request = codecOf('RestorePod').encode({ checkpointPath: '/c', config, runtimeHandler: 'kata' });
  expect(readAttributes(request, [2], [3])).toMatchObject({ name: 'web-0', uid: 'u-1', handler: 'kata' });
});

test('finds nothing in an empty request', () => {
  expect(readAttributes(new Uint8Array(), CONFIG, HANDLER)).toEqual({
    name: '',
    namespace: '',
    uid: '',
    handler: '',
    labels: new Map(),
    annotations: new Map(),
    privileged: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
  });
});

test('refuses bytes that are cut off', () => {
  const request = codecOf('RunPodSandbox').encode({ config: aPodSandboxConfig(), runtimeHandler: 'gvisor' });
  expect(() => readAttributes(request.subarray(0, request.length - 3), CONFIG, HANDLER)).toThrow(
    MalformedMessageError,
  );
});
