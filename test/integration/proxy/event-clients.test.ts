// A client that does not read its events: what waits for it is bounded, it is told when it was too slow, and neither the
// runtime nor other clients wait for it. The slow client is a raw end of the project's own HTTP/2.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { encodeField } from '../../../src/cri/wire.ts';
import { encodeNanoseconds, encodeNumber } from '../../../src/cri/wire-writer.ts';
import { framed } from '../../../src/grpc/message.ts';
import { backendRequestFields } from '../../../src/grpc/metadata.ts';
import { ClientConnection } from '../../../src/http2/client.ts';
import type { Field } from '../../../src/http2/field.ts';
import type { Stream, StreamReceiver } from '../../../src/http2/stream.ts';
import { runPod } from '../../support/cri-pod.ts';
import { type EventListener, listenToEvents } from '../../support/event-listener.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

const PATH = '/runtime.v1.RuntimeService/GetContainerEvents';

class SlowListener implements StreamReceiver {
  readonly trailers: Field[] = [];
  receivedBytes = 0;
  stream: Stream | undefined;
  private isReading = false;

  read(): void {
    this.isReading = true;
    this.stream?.consume(this.receivedBytes);
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    if (endStream) this.trailers.push(...fields);
  }

  onData(_buffer: Buffer, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.isReading) this.stream?.consume(end - start);
  }

  onDrain(): void {}
  onAborted(): void {}

  valueOf(name: string): string | undefined {
    return this.trailers.find((field) => field.name === name)?.value;
  }
}

let world: ProxyWorld;
let connection: ClientConnection;
let slow: SlowListener;
let quick: EventListener;
let podSandboxId: string;

beforeEach(async () => {
  world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }]);
  podSandboxId = (await runPod(world.client)).podSandboxId;
  connection = await new Promise((resolve) => {
    const made: ClientConnection = ClientConnection.connect(world.switchyard.socket, {
      limits: { initialWindowBytes: 64 * 1024 },
      onReady: () => resolve(made),
      onSlot: () => {},
      onGoaway: () => {},
      onClose: () => {},
    });
  });
  slow = new SlowListener();
  slow.stream = connection.open(slow);
  const body = framed(new Uint8Array(0));
  slow.stream.sendHeaders(backendRequestFields(PATH, [], undefined), false);
  slow.stream.sendData(body, 0, body.length, true);
  await until(() => world.runtime('one').world.events.subscribers === 1, 'events are asked for');
  quick = listenToEvents(world.connect());
  await until(() => {
    publish(1);
    return quick.events.length > 0;
  }, 'both listen');
});

afterEach(async () => {
  connection.close();
  await world[Symbol.asyncDispose]();
});

/** Makes the backend tell something so long; its type is of the future, so that it may come again and again. */
function publish(sizeBytes: number): void {
  const id = encodeField(1, Buffer.from(podSandboxId));
  const pod = encodeField(4, Buffer.concat([id, encodeField(2, encodeField(2, Buffer.from('uid')))]));
  const head = [id, encodeNumber(2, 9), encodeNanoseconds(3, Date.now() + 1_000), pod];
  const event = Buffer.concat([...head, encodeField(1_000, Buffer.alloc(sizeBytes, 7))]);
  world.runtime('one').world.events.publish(event);
}

it.each([
  ['many bytes', 1024 * 1024, 20, 1],
  ['many events', 100, 12, 1_000],
])('ends with RESOURCE_EXHAUSTED when too %s wait for it, and others get all', async (...row) => {
  const [, sizeBytes, times, count] = row;
  for (let time = 0; time < times; time++) {
    const expected = quick.events.length + count;
    for (let nth = 0; nth < count; nth++) publish(sizeBytes);
    await until(() => quick.events.length >= expected, 'the quick one has all');
  }
  expect(slow.receivedBytes).toBeLessThanOrEqual(64 * 1024);
  slow.read();
  await until(() => slow.trailers.length > 0, 'the slow one is told');
  expect(slow.valueOf('grpc-status')).toBe('8');
  expect(decodeURIComponent(slow.valueOf('grpc-message') ?? '')).toMatch(/wait for this client to read them/);
});

it('gets all in the end if it was not that slow', async () => {
  const expected = quick.events.length + 10;
  for (let nth = 0; nth < 10; nth++) publish(1024 * 1024);
  await until(() => quick.events.length >= expected, 'the quick one has all');
  slow.read();
  await until(() => slow.receivedBytes > 10 * 1024 * 1024, 'the slow one has all');
  expect(slow.trailers).toEqual([]);
});
