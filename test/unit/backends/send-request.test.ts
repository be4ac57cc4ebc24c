import { expect, it } from 'vitest';
import { BackendCall, type BackendRequest } from '../../../src/backends/backend-call.ts';
import { sendRequest } from '../../../src/backends/send-request.ts';
import { MessageTooLargeError } from '../../../src/errors.ts';
import { Field } from '../../../src/http2/field.ts';
import { clientWorld } from '../../support/http2-client-world.ts';
import { frame, settings, TYPE } from '../../support/http2-raw-peer.ts';

const MAX_HEADER_LIST_SIZE = 6;

class Refusals extends BackendCall {
  readonly errors: Error[] = [];
  override onHeaders(): void {}
  override onData(): void {}
  override onAborted(): void {}
  override onRefused(error: Error): void {
    this.errors.push(error);
  }
}

function request(metadata: readonly Field[]): BackendRequest {
  const body = Buffer.alloc(5);
  return {
    service: 'RuntimeService',
    rpc: 'PodSandboxStatus',
    metadata,
    clientCalls: 1,
    deadlineAtMs: undefined,
    body,
    start: 0,
    end: body.length,
  };
}

it('refuses a call whose metadata is longer than its backend takes, and sends the next one', async () => {
  await using w = await clientWorld(settings([MAX_HEADER_LIST_SIZE, 4096]));
  const [long, short] = [new Refusals(), new Refusals()];
  const send = (call: BackendCall, bytes: number) =>
    sendRequest('one', w.client, 'v1', call, request([new Field('x', 'y'.repeat(bytes))]), undefined);
  send(long, 5000);
  send(short, 2000);
  const got = await w.backend.received('a call', (f) => f.type === TYPE.data);
  expect(got.streamId).toBe(1);
  expect(w.backend.frames.filter((f) => f.type === TYPE.headers).length).toBe(1);
  expect(short.errors).toEqual([]);
  expect(long.errors[0]).toBeInstanceOf(MessageTooLargeError);
  expect(long.errors[0]).toMatchObject({
    status: 'RESOURCE_EXHAUSTED',
    message: 'the metadata of PodSandboxStatus is over the 4096 bytes of headers that backend one takes',
  });
});

it('sends any metadata to a backend that names no limit, and to one that takes it back', async () => {
  await using w = await clientWorld(settings());
  const call = new Refusals();
  sendRequest('one', w.client, 'v1', call, request([new Field('x', 'y'.repeat(60_000))]), undefined);
  await w.backend.received('a call', (f) => f.type === TYPE.data);
  w.backend.send(settings([MAX_HEADER_LIST_SIZE, 100]), settings([MAX_HEADER_LIST_SIZE, 0xffffffff]));
  w.backend.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await w.backend.received('a PING ack', (f) => f.type === TYPE.ping);
  sendRequest('one', w.client, 'v1', call, request([new Field('x', 'y'.repeat(60_000))]), undefined);
  await w.backend.received('a second call', (f) => f.type === TYPE.data && f.streamId === 3);
  expect(call.errors).toEqual([]);
});
