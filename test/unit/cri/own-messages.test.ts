import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ListContainersRequestSchema } from '../../../src/cri/gen/runtime/v1/container_calls_pb.ts';
import { ListPodSandboxRequestSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { VersionRequestSchema, VersionResponseSchema } from '../../../src/cri/gen/runtime/v1/status_pb.ts';
import {
  encodeIdFilter,
  encodeVersionRequest,
  encodeVersionResponse,
  readVersionResponse,
} from '../../../src/cri/own-messages.ts';

describe('the messages we write', () => {
  it('say the version as a kubelet does', () => {
    expect(fromBinary(VersionRequestSchema, encodeVersionRequest())).toMatchObject({ version: '0.1.0' });
  });

  it('say what we are with no field empty', () => {
    const reply = encodeVersionResponse('containerd', '2.1.9', 'v1');
    expect(fromBinary(VersionResponseSchema, reply)).toMatchObject({
      version: '0.1.0',
      runtimeName: 'containerd',
      runtimeVersion: '2.1.9',
      runtimeApiVersion: 'v1',
    });
    expect(readVersionResponse(Buffer.from(reply))).toEqual({
      runtimeName: 'containerd',
      runtimeVersion: '2.1.9',
    });
  });

  it('ask for one id in the way of both lists', () => {
    const request = encodeIdFilter('6f1c');
    expect(fromBinary(ListPodSandboxRequestSchema, request).filter).toMatchObject({ id: '6f1c' });
    expect(fromBinary(ListContainersRequestSchema, request).filter).toMatchObject({ id: '6f1c' });
  });
});
