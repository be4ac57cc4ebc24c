// A client that does not read must slow down its own stream on the backend, and nothing else; the proxy must not
// collect what it does not take. Backend and client are raw ends of the project's own HTTP/2, to see into the queues.
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { framed } from '../../../src/grpc/message.ts';
import { backendRequestFields } from '../../../src/grpc/metadata.ts';
import { trailers } from '../../../src/grpc/status.ts';
import { ClientConnection } from '../../../src/http2/client.ts';
import { Field } from '../../../src/http2/field.ts';
import { ServerConnection } from '../../../src/http2/server.ts';
import type { Stream, StreamReceiver } from '../../../src/http2/stream.ts';
import { runPod } from '../../support/cri-pod.ts';
import { configOf, proxyWorld, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const CONTAINER_ID = 'c'.repeat(64);
const SERVICE = '/runtime.v1.RuntimeService/';
const HEADERS = [new Field(':status', '200'), new Field('content-type', 'application/grpc')];

/** Replies by path; what has none gets an empty message. */
class RawBackend {
  readonly replies = new Map<string, Buffer>();
  readonly streams = new Map<string, Stream>();
  private readonly server: net.Server;

  constructor(socket: string) {
    this.server = net.createServer((client) => {
      const connection: ServerConnection = new ServerConnection(client, {
        accept: (stream) => this.receiver(stream),
        onClose: () => {},
      });
      void connection;
    });
    this.server.listen(socket);
  }

  close(): void {
    this.server.close();
  }

  private receiver(stream: Stream): StreamReceiver {
    let path = '';
    const answer = () => {
      this.streams.set(path, stream);
      const reply = this.replies.get(path) ?? framed(new Uint8Array(0));
      stream.sendHeaders(HEADERS, false);
      stream.sendOwned(reply, 0, reply.length, false);
      stream.sendHeaders(trailers('OK', ''), true);
    };
    return {
      onHeaders(fields, endStream) {
        path = fields.find(({ name }) => name === ':path')?.value ?? '';
        if (endStream) answer();
      },
      onData(_buffer, start, end, endStream) {
        stream.consume(end - start);
        if (endStream) answer();
      },
      onDrain() {},
      onAborted() {},
    };
  }
}

/** A client's call that takes nothing until it is told to. */
class SlowCall implements StreamReceiver {
  receivedBytes = 0;
  isEnded = false;
  isAborted = false;
  private heldBytes = 0;
  private isReading = false;
  stream: Stream | undefined;

  read(): void {
    this.isReading = true;
    this.stream?.consume(this.heldBytes);
    this.heldBytes = 0;
  }

  onHeaders(_fields: readonly Field[], endStream: boolean): void {
    this.isEnded ||= endStream;
  }

  onData(_buffer: Buffer, start: number, end: number): void {
    this.receivedBytes += end - start;
    if (this.isReading) this.stream?.consume(end - start);
    else this.heldBytes += end - start;
  }

  onDrain(): void {}

  onAborted(): void {
    this.isAborted = true;
  }
}

describe('a client that does not read', () => {
  let dir: TempDir;
  let backend: RawBackend;
  let switchyard: Switchyard;
  let client: ClientConnection;

  beforeEach(async () => {
    dir = await tempDir();
    backend = new RawBackend(dir.file('one.sock'));
    backend.replies.set(`${SERVICE}Version`, framed(encodeVersionResponse('raw', '1', 'v1')));
    const record = encodeField(1, encodeField(1, Buffer.from(CONTAINER_ID)));
    backend.replies.set(`${SERVICE}ListContainers`, framed(record));
    const plain = configOf(dir, [{ name: 'one', profile: 'cri-o' }]);
    const config = { ...plain, limits: { ...plain.limits, messageSizeBytes: 64 * MIB } };
    switchyard = await startSwitchyard({ config, log: recorder([]) });
    client = await new Promise((resolve) => {
      const connection: ClientConnection = ClientConnection.connect(switchyard.socket, {
        limits: { initialWindowBytes: 64 * 1024 },
        onReady: () => resolve(connection),
        onSlot: () => {},
        onGoaway: () => {},
        onClose: () => {},
      });
    });
  });

  afterEach(async () => {
    client.close();
    await switchyard.close();
    backend.close();
    await dir[Symbol.asyncDispose]();
  });

  function call(rpc: string, request: Uint8Array): SlowCall {
    const slow = new SlowCall();
    slow.stream = client.open(slow);
    const body = framed(request);
    slow.stream.sendHeaders(backendRequestFields(`${SERVICE}${rpc}`, [], undefined), false);
    slow.stream.sendData(body, 0, body.length, true);
    return slow;
  }

  it('holds its answer back at the backend, gets all of it in the end, and delays nobody', async () => {
    const size = 40 * MIB;
    backend.replies.set(`${SERVICE}ExecSync`, framed(Buffer.alloc(size, 7)));
    const slow = call('ExecSync', encodeField(1, Buffer.from(CONTAINER_ID)));
    await until(() => slow.receivedBytes >= 64 * 1024, 'its window is full');
    // Other calls on the same connections go on; when they are through, what could move has moved.
    for (let i = 0; i < 20; i++) {
      const quick = call('PodSandboxStatus', encodeField(1, Buffer.from(CONTAINER_ID)));
      quick.read();
      await until(() => quick.isEnded, 'a quick call is answered');
    }
    const waiting = backend.streams.get(`${SERVICE}ExecSync`)?.queuedBytes ?? 0;
    // At most one stream window (4 MiB) has left the backend.
    expect(waiting).toBeGreaterThan(size - 5 * MIB);
    expect(slow.receivedBytes).toBe(64 * 1024);
    slow.read();
    await until(() => slow.isEnded, 'all is there');
    expect(slow.receivedBytes).toBe(size + 5);
  });

  it('lets go of everything when it leaves', async () => {
    backend.replies.set(`${SERVICE}ExecSync`, framed(Buffer.alloc(20 * MIB, 7)));
    const slow = call('ExecSync', encodeField(1, Buffer.from(CONTAINER_ID)));
    await until(() => slow.receivedBytes >= 64 * 1024, 'its window is full');
    slow.stream?.reset(8);
    await until(() => backend.streams.get(`${SERVICE}ExecSync`)?.isClosed === true, 'the backend is told');
  });
});

describe('many calls at once', () => {
  it('answers thousands in flight on one connection', async () => {
    await using world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }]);
    const { podSandboxId } = await runPod(world.client);
    const replies = await Promise.all(
      Array.from({ length: 3_000 }, () => world.client.call('PodSandboxStatus', { podSandboxId })),
    );
    expect(replies.every(({ status }) => status?.id === podSandboxId)).toBe(true);
  });
});
