import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StatusResponseSchema } from '../../../src/cri/gen/runtime/v1/status_pb.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { encodeNumber, encodeText } from '../../../src/cri/wire-writer.ts';
import { mergeStatus as mergeBytes, type NodeHandler, type StatusPart } from '../../../src/merge/status.ts';

function replyOf(message: MessageInitShape<typeof StatusResponseSchema>): Buffer {
  return Buffer.from(toBinary(StatusResponseSchema, create(StatusResponseSchema, message)));
}

function mergeStatus(parts: readonly StatusPart[], handlers: readonly NodeHandler[] = []) {
  return fromBinary(StatusResponseSchema, mergeBytes(parts, handlers));
}

function part(traits: Partial<StatusPart> & { ready?: boolean; network?: boolean } = {}): StatusPart {
  const { ready = true, network = true, ...rest } = traits;
  return {
    name: 'main',
    isDefault: true,
    isFresh: true,
    isUp: true,
    detail: 'is ready',
    fault: undefined,
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

const away = { isUp: false, isFresh: false } as const;
const conditionsOf = (parts: StatusPart[]) =>
  new Map(mergeStatus(parts).status?.conditions.map(({ type, status }) => [type, status]));

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

  it('is not ready when none is, or has been of late', () => {
    const parts = [part(away), part({ name: 'side', isDefault: false, ready: false })];
    expect(conditionsOf(parts).get('RuntimeReady')).toBe(false);
    expect(mergeStatus(parts).status?.conditions[0]?.reason).toBe('NoBackendReady');
  });

  it('R17: stays ready for a moment without any backend, as a kubelet bears a runtime that restarts', () => {
    expect(conditionsOf([part({ isUp: false })]).get('RuntimeReady')).toBe(true);
  });

  it('R17: takes the network of the default backend, its last word while it is away', () => {
    const parts = [part(away), part({ name: 'side', isDefault: false, network: false })];
    expect(conditionsOf(parts).get('NetworkReady')).toBe(true);
  });

  it('has two conditions and no ready network when the default backend has never answered', () => {
    const unknown = part({ ...away, reply: undefined });
    expect(conditionsOf([unknown])).toEqual(
      new Map([
        ['RuntimeReady', false],
        ['NetworkReady', false],
      ]),
    );
    const parts = [unknown, part({ name: 'side', isDefault: false })];
    expect(conditionsOf(parts).get('NetworkReady')).toBe(false);
    expect(conditionsOf(parts).get('RuntimeReady')).toBe(true);
  });

  it('R17: says in a condition of its own why a backend that is ready takes no new pods', () => {
    const fault = { reason: 'CgroupDriverMismatch', message: 'another driver' };
    const said = mergeStatus([part(), part({ name: 'side', isDefault: false, fault })]).status?.conditions;
    expect(said?.find(({ type }) => type === 'Backend.side.Ready')).toMatchObject({
      status: false,
      ...fault,
    });
    expect(said?.find(({ type }) => type === 'RuntimeReady')?.status).toBe(true);
  });

  it('keeps the list of handlers empty when no backend tells of any: the kubelet knows old runtimes by it', () => {
    expect(
      mergeStatus([part()], [{ name: '', places: [{ backend: 'main', handler: '' }] }]).runtimeHandlers,
    ).toEqual([]);
  });

  const withHandlers = (...handlers: readonly (readonly [name: string, userNamespaces: boolean])[]) =>
    replyOf({
      runtimeHandlers: handlers.map(([name, userNamespaces]) => ({ name, features: { userNamespaces } })),
    });

  it('claims a feature of a handler only when it holds wherever a pod with that handler may land', () => {
    const parts = [
      part({ reply: withHandlers(['', true], ['runc', true]) }),
      part({ name: 'side', isDefault: false, reply: withHandlers(['', false], ['crun', true]) }),
    ];
    const claims = (...places: NodeHandler['places']) =>
      mergeStatus(parts, [{ name: 'asked', places }]).runtimeHandlers[0]?.features?.userNamespaces;
    expect(claims({ backend: 'main', handler: '' })).toBe(true);
    expect(claims({ backend: 'main', handler: '' }, { backend: 'side', handler: '' })).toBe(false);
    expect(claims({ backend: 'main', handler: 'runc' }, { backend: 'side', handler: 'crun' })).toBe(true);
    expect(claims({ backend: 'side', handler: 'kata' })).toBe(false);
    expect(claims({ backend: 'never met', handler: '' })).toBe(false);
  });

  it('claims nothing for a handler that leads to a backend which has never answered', () => {
    const parts = [
      part({ reply: withHandlers(['', true]) }),
      part({ ...away, name: 'side', isDefault: false, reply: undefined }),
    ];
    const places = [
      { backend: 'main', handler: '' },
      { backend: 'side', handler: '' },
    ];
    const [handler] = mergeStatus(parts, [{ name: '', places }]).runtimeHandlers;
    expect(handler?.features?.userNamespaces).toBe(false);
  });

  it('claims a feature of the node only when every backend has it', () => {
    const features = replyOf({ features: { supplementalGroupsPolicy: true, mountOptions: true } });
    const fewer = replyOf({ features: { supplementalGroupsPolicy: true } });
    const side = (reply: Buffer | undefined) => part({ name: 'side', isDefault: false, reply });
    expect(mergeStatus([part({ reply: features })]).features).toMatchObject({ mountOptions: true });
    expect(mergeStatus([part({ reply: features }), side(fewer)]).features).toMatchObject({
      supplementalGroupsPolicy: true,
      mountOptions: false,
    });
    for (const reply of [replyOf({}), undefined]) {
      const merged = mergeStatus([part({ reply: features }), side(reply)]);
      expect(merged.features?.supplementalGroupsPolicy).toBe(false);
    }
  });

  it('claims a feature of the future where all backends do, and where some do not it does not', () => {
    const future = Buffer.concat([encodeNumber(1, 1), encodeNumber(99, 1)]);
    const reply = Buffer.concat([replyOf({}), encodeField(4, future), encodeText(77, 'new')]);
    const merged = (other: Buffer) => mergeBytes([part({ reply }), part({ name: 'side', reply: other })], []);
    const has = (message: Buffer, bytes: Uint8Array) => message.includes(Buffer.from(bytes));
    expect(has(merged(reply), encodeField(4, future))).toBe(true);
    expect(has(merged(reply), encodeText(77, 'new'))).toBe(true);
    const older = replyOf({ features: { supplementalGroupsPolicy: true } });
    expect(has(merged(older), encodeNumber(99, 1))).toBe(false);
    expect(has(merged(older), encodeText(77, 'new'))).toBe(false);
  });

  it('keeps the keys of the default backend in verbose info and puts the name before those of others', () => {
    const info = (value: string) => replyOf({ info: { config: value } });
    const parts = [part({ reply: info('a') }), part({ name: 'side', isDefault: false, reply: info('b') })];
    expect(mergeStatus(parts).info).toEqual({ config: 'a', 'side.config': 'b' });
  });
});
