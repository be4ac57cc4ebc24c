import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import {
  ListImagesRequestSchema,
  PullImageRequestSchema,
} from '../../../src/cri/gen/runtime/v1/image_service_pb.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { framed, PREFIX_BYTES } from '../../../src/grpc/message.ts';
import { imageListRequestFor, pullRequestFor, specRequestFor } from '../../../src/proxy/image-request.ts';

const backend = {
  config: {
    handlers: new Map([
      ['kata', 'kata-qemu'],
      ['plain', ''],
    ]),
  },
} as unknown as Backend;
const UNKNOWN = encodeField(4_000, Buffer.from('from the future'));
const ANNOTATION = 'io.containerd.cri.runtime-handler';

function pullOf(init: MessageInitShape<typeof PullImageRequestSchema>): Buffer {
  return framed(
    Buffer.concat([toBinary(PullImageRequestSchema, create(PullImageRequestSchema, init)), UNKNOWN]),
  );
}

const decoded = (body: Buffer) => fromBinary(PullImageRequestSchema, body.subarray(PREFIX_BYTES));

const pod = (annotations: Record<string, string>, runtimeHandler = '') =>
  pullOf({
    image: { image: 'app:1', annotations, runtimeHandler },
    auth: { username: 'u', password: 'p' },
    sandboxConfig: { metadata: { name: 'web', uid: 'uid-1' }, annotations, logDirectory: '/var/log/pods' },
  });

describe('an image request for one backend', () => {
  it('carries its own name of the runtime handler, in ImageSpec and in the annotation of a pull', () => {
    const request = pod({ [ANNOTATION]: 'kata', other: 'kata' }, 'kata');
    const sent = decoded(pullRequestFor(backend, request));
    const asked = decoded(request);
    expect(sent.image?.runtimeHandler).toBe('kata-qemu');
    expect(sent.sandboxConfig?.annotations).toEqual({ [ANNOTATION]: 'kata-qemu', other: 'kata' });
    expect({ ...sent, image: undefined, sandboxConfig: undefined }).toEqual({
      ...asked,
      image: undefined,
      sandboxConfig: undefined,
    });
    expect(sent.image?.annotations).toEqual(asked.image?.annotations);
    expect({ ...sent.sandboxConfig, annotations: undefined }).toEqual({
      ...asked.sandboxConfig,
      annotations: undefined,
    });
  });

  it('stays byte for byte where the backend uses the same name, has none for it, or none is asked for', () => {
    for (const request of [pod({ a: 'b' }), pod({ [ANNOTATION]: 'native' }, 'native')]) {
      expect(pullRequestFor(backend, request)).toBe(request);
      expect(specRequestFor(backend, request)).toBe(request);
    }
  });

  it("takes the handler out where the backend's own is the empty one", () => {
    const sent = decoded(pullRequestFor(backend, pod({ [ANNOTATION]: 'plain' }, 'plain')));
    expect(sent.image?.runtimeHandler).toBe('');
    expect(sent.sandboxConfig?.annotations).toEqual({ [ANNOTATION]: '' });
  });

  it("carries the backend's own name in the filter of a list", () => {
    const filter = { image: { image: 'app:1', runtimeHandler: 'kata' } };
    const request = framed(toBinary(ListImagesRequestSchema, create(ListImagesRequestSchema, { filter })));
    const sent = imageListRequestFor(backend, request).subarray(PREFIX_BYTES);
    expect(fromBinary(ListImagesRequestSchema, sent).filter?.image).toMatchObject({
      image: 'app:1',
      runtimeHandler: 'kata-qemu',
    });
  });
});
