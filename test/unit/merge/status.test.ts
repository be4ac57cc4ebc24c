import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StatusResponseSchema } from '../../../src/cri/gen/runtime/v1/status_pb.ts';
import { mergeStatus as mergeBytes, type StatusPart } from '../../../src/merge/status.ts';

function replyOf(message: MessageInitShape<typeof StatusResponseSchema>): Buffer {
  return Buffer.from(toBinary(StatusResponseSchema, create(StatusResponseSchema, message)));
}

function mergeStatus(parts: readonly StatusPart[], reaches: (handler: string, backend: string) => boolean) {
  return fromBinary(StatusResponseSchema, mergeBytes(parts, reaches));
}

function part(traits: Partial<StatusPart> & { ready?: boolean; network?: boolean } = {}): StatusPart {
  const { ready = true, network = true, ...rest } = traits;
  return {
    name: 'main',
    isDefault: true,
    isUp: true,
    detail: 'is ready',
    handlers: new Map([['', '']]),
    reply: replyOf({
      status: {
        conditions: [
          { type: 'RuntimeReady', status: ready },
          { type: 'NetworkReady', status: network },
        ],
      },
    }),
    ...rest,
  };
}

const nowhere = () => false;
const conditionsOf = (parts: StatusPart[]) =>
  new Map(mergeStatus(parts, nowhere).status?.conditions.map(({ type, status }) => [type, status]));

describe('mergeStatus', () => {
  it('passes the conditions of a single backend as they are', () => {
    expect(conditionsOf([part({ network: false })])).toEqual(
      new Map([
        ['RuntimeReady', true],
        ['NetworkReady', false],
      ]),
    );
  });

  it('R17: stays ready while any backend is', () => {
    const parts = [part({ ready: false }), part({ name: 'side', isDefault: false })];
    expect(conditionsOf(parts).get('RuntimeReady')).toBe(true);
    expect(conditionsOf(parts).get('Backend.main.Ready')).toBe(false);
  });

  it('is not ready when none is', () => {
    const parts = [part({ isUp: false }), part({ name: 'side', isDefault: false, ready: false })];
    expect(conditionsOf(parts).get('RuntimeReady')).toBe(false);
  });

  it('R17: takes the network of the default backend, its last word while it is away', () => {
    const parts = [part({ isUp: false }), part({ name: 'side', isDefault: false, network: false })];
    expect(conditionsOf(parts).get('NetworkReady')).toBe(true);
  });

  it('does not call the network ready when the default backend has never answered', () => {
    const parts = [part({ isUp: false, reply: undefined }), part({ name: 'side', isDefault: false })];
    expect(conditionsOf(parts).get('NetworkReady')).toBe(false);
  });

  it('keeps the list of handlers empty when no backend tells of any: the kubelet knows old runtimes by it', () => {
    expect(mergeStatus([part()], nowhere).runtimeHandlers).toEqual([]);
  });

  it('claims a feature of a handler only when every backend that a pod with it may reach has it', () => {
    const withFeatures = (userNamespaces: boolean) =>
      replyOf({ runtimeHandlers: [{ name: '', features: { userNamespaces } }] });
    const parts = [
      part({ reply: withFeatures(true) }),
      part({ name: 'side', isDefault: false, handlers: new Map([['side', '']]), reply: withFeatures(false) }),
    ];
    const alone = mergeStatus(parts, nowhere).runtimeHandlers.find(({ name }) => name === '');
    expect(alone?.features?.userNamespaces).toBe(true);
    const reached = mergeStatus(parts, () => true).runtimeHandlers.find(({ name }) => name === '');
    expect(reached?.features?.userNamespaces).toBe(false);
  });

  it('claims a feature of the node only when every backend has it', () => {
    const features = replyOf({ features: { supplementalGroupsPolicy: true } });
    const parts = [part({ reply: features }), part({ name: 'side', isDefault: false })];
    expect(mergeStatus([part({ reply: features })], nowhere).features?.supplementalGroupsPolicy).toBe(true);
    expect(mergeStatus(parts, nowhere).features?.supplementalGroupsPolicy).toBe(false);
  });
});
