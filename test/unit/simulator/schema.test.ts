import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ImageService } from '../../../src/cri/gen/runtime/v1/image_service_pb.ts';
import { ListPodSandboxResponseSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_calls_pb.ts';
import { PodSandboxSchema } from '../../../src/cri/gen/runtime/v1/pod_sandbox_pb.ts';
import { RuntimeService } from '../../../src/cri/gen/runtime/v1/runtime_service_pb.ts';
import { PROFILE_NAMES } from '../../../src/simulator/profile.ts';
import { isProfileName, profileOf, refusalText } from '../../../src/simulator/quirks.ts';
import { chunkElements, encodeElement } from '../../../src/simulator/record.ts';
import { serviceTable } from '../../../src/simulator/schema.ts';

describe('the service tables', () => {
  it.each(['v1', 'v1alpha2'] as const)('have every RPC of the schema under %s', (version) => {
    for (const service of [RuntimeService, ImageService]) {
      const table = serviceTable(service.name as 'RuntimeService' | 'ImageService', version);
      for (const rpc of service.methods) {
        expect(table.get(rpc.name)).toMatchObject({
          path: `/runtime.${version}.${service.name}/${rpc.name}`,
          responseStream: rpc.methodKind === 'server_streaming',
        });
      }
      expect(table.size).toBe(service.methods.length);
    }
  });
});

describe('list elements', () => {
  const element = (id: string) => encodeElement(PodSandboxSchema, { id });

  it('join to the message that holds them', () => {
    // 200 characters need a length of two bytes.
    const ids = ['short', 'x'.repeat(200), ''];
    const joined = Buffer.concat(ids.map(element));
    const message = create(ListPodSandboxResponseSchema, { items: ids.map((id) => ({ id })) });
    expect(joined.equals(toBinary(ListPodSandboxResponseSchema, message))).toBe(true);
  });

  it('fill messages of a stream, none of them empty', () => {
    const messages = chunkElements(['a', 'b', 'c'].map(element), 2);
    const ids = messages.map((bytes) =>
      fromBinary(ListPodSandboxResponseSchema, bytes).items.map((one) => one.id),
    );
    expect(ids).toEqual([['a', 'b'], ['c']]);
    expect(chunkElements([], 2)).toEqual([]);
  });
});

describe('the quirk profiles', () => {
  it.each(PROFILE_NAMES)('know %s under its own name', (name) => {
    expect(profileOf(name).name).toBe(name);
    expect(isProfileName(name)).toBe(true);
  });

  it('name only RPCs of the schema in their gaps', () => {
    const rpcs = new Set([...RuntimeService.methods, ...ImageService.methods].map((rpc) => rpc.name));
    for (const name of PROFILE_NAMES) {
      const { unknown, unimplemented } = profileOf(name).gaps;
      for (const rpc of [...unknown, ...unimplemented]) expect(rpcs, `${name}: ${rpc}`).toContain(rpc);
    }
  });

  it('are not known by other words', () => {
    expect(isProfileName('podman')).toBe(false);
    expect(isProfileName('toString')).toBe(false);
  });

  it('fill the places of a text, and leave those without a value', () => {
    const refusal = { status: 'UNKNOWN', text: '{name} is held by {id} {other}' } as const;
    expect(refusalText(refusal, { name: 'web', id: '1' })).toBe('web is held by 1 {other}');
  });
});
