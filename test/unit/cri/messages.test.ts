import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ListContainersRequestSchema } from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import { ListPodSandboxRequestSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { CgroupDriver } from '../../../src/cri/gen/runtime/v1/status_pb.ts';
import {
  decodeImage,
  decodeRuntimeConfigResponse,
  decodeStatusResponse,
  decodeVersionResponse,
  encodeIdFilter,
  encodeImage,
  encodeStatusResponse,
  encodeVersionRequest,
  encodeVersionResponse,
} from '../../../src/cri/messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { MalformedMessageError } from '../../../src/errors.ts';

/** A field no schema of ours has. */
const NEWER = encodeField(900, Buffer.from('from a newer release'));

describe('the messages we code', () => {
  it('keep what a newer peer added, at every level', () => {
    const spec = encodeField(7, Buffer.concat([encodeField(1, Buffer.from('busybox')), NEWER]));
    const image = Buffer.concat([encodeField(1, Buffer.from('sha256:1')), spec, NEWER]);
    expect(hex(encodeImage(decodeImage(image)))).toBe(hex(image));
  });

  it('keep what a newer peer added when a part goes into a message of ours', () => {
    const condition = Buffer.concat([encodeField(1, Buffer.from('RuntimeReady')), NEWER]);
    const status = decodeStatusResponse(encodeField(1, encodeField(1, condition)));
    const merged = encodeStatusResponse({ status: { conditions: status.status?.conditions ?? [] } });
    expect(hex(merged)).toBe(hex(encodeField(1, encodeField(1, condition))));
  });

  it('say the version as a kubelet does', () => {
    expect(hex(encodeVersionRequest())).toBe(hex(encodeField(1, Buffer.from('0.1.0'))));
    const reply = encodeVersionResponse({
      version: '0.1.0',
      runtimeName: 'containerd',
      runtimeApiVersion: 'v1',
    });
    expect(decodeVersionResponse(reply)).toMatchObject({ runtimeName: 'containerd', runtimeVersion: '' });
  });

  it('ask for one id in the way of both lists', () => {
    const request = encodeIdFilter('6f1c');
    expect(fromBinary(ListPodSandboxRequestSchema, request).filter).toMatchObject({ id: '6f1c' });
    expect(fromBinary(ListContainersRequestSchema, request).filter).toMatchObject({ id: '6f1c' });
  });

  it('tell systemd, an empty message, from nothing said', () => {
    const systemd = decodeRuntimeConfigResponse(Buffer.from('0a00', 'hex'));
    expect(systemd.linux?.cgroupDriver).toBe(CgroupDriver.SYSTEMD);
    expect(decodeRuntimeConfigResponse(Buffer.alloc(0)).linux).toBeUndefined();
  });

  it('blame the backend that sent what cannot be read', () => {
    const broken = Buffer.from('0a05', 'hex');
    expect(() => decodeStatusResponse(broken)).toThrow(MalformedMessageError);
    expect(() => decodeStatusResponse(broken)).toThrow(expect.objectContaining({ status: 'INTERNAL' }));
  });
});

function hex(message: Uint8Array): string {
  return Buffer.from(message).toString('hex');
}
