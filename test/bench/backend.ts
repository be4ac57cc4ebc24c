// The backend of the bench, a process of its own: fixed answers on the project's HTTP/2 server, so that its share of a
// call is small. Usage: backend SOCKET INDEX. Asked over ipc to list another number of containers, or for its count of calls.
import net from 'node:net';
import { readString } from '../../src/cri/wire.ts';
import { framed } from '../../src/grpc/message.ts';
import { trailers, trailersOnly } from '../../src/grpc/status.ts';
import { Field } from '../../src/http2/field.ts';
import { ServerConnection } from '../../src/http2/server.ts';
import type { Stream, StreamReceiver } from '../../src/http2/stream.ts';
import {
  cannedContainers,
  cannedSandboxes,
  cannedSandboxStatus,
  cannedStatus,
  cannedVersion,
  SANDBOX_COUNT,
  sandboxId,
} from './canned.ts';

/** What the bench asks a backend over ipc. */
export type BackendQuestion =
  | {
      readonly kind: 'list' /** Containers ListContainers answers with from now on. */;
      readonly containers: number;
    }
  | { readonly kind: 'count' /** The path whose calls are wanted. */; readonly path: string };

const [socketPath = '', indexText = '0'] = process.argv.slice(2);
const backend = Number(indexText);
const PREFIX_BYTES = 5;
const ID_FILTER = [1, 1];

const REPLY_HEADERS = [new Field(':status', '200'), new Field('content-type', 'application/grpc')];
const TRAILERS = trailers('OK', '');
const version = framed(cannedVersion(backend));
const status = framed(cannedStatus());
const statusOfSandbox = new Map(
  Array.from({ length: SANDBOX_COUNT }, (_, index) => [
    sandboxId(backend, index),
    framed(cannedSandboxStatus(backend, index)),
  ]),
);
const containersByCount = new Map<number, Buffer>();
let containers = framed(Buffer.alloc(0));
const callsByPath = new Map<string, number>();

/** The reply to a whole request, or undefined for a method that is not served. 'absent' stands for NOT_FOUND. */
function replyTo(path: string, request: Buffer): Buffer | 'absent' | undefined {
  switch (path) {
    case '/runtime.v1.RuntimeService/Version':
      return version;
    case '/runtime.v1.RuntimeService/Status':
      return status;
    case '/runtime.v1.RuntimeService/PodSandboxStatus':
      return statusOfSandbox.get(readString(request, PREFIX_BYTES, request.length, [1]) ?? '') ?? 'absent';
    case '/runtime.v1.RuntimeService/ListPodSandbox':
      return framed(
        cannedSandboxes(backend, readString(request, PREFIX_BYTES, request.length, ID_FILTER) ?? ''),
      );
    case '/runtime.v1.RuntimeService/ListContainers':
      return containers;
    default:
      return undefined;
  }
}

class CannedReply implements StreamReceiver {
  private readonly stream: Stream;
  private path = '';
  private request = Buffer.alloc(0);

  constructor(stream: Stream) {
    this.stream = stream;
  }

  onHeaders(fields: readonly Field[], endStream: boolean): void {
    for (const field of fields) if (field.name === ':path') this.path = field.value;
    if (endStream) this.answer();
  }

  onData(buffer: Buffer, start: number, end: number, endStream: boolean): void {
    const part = buffer.subarray(start, end);
    this.request = this.request.length === 0 ? Buffer.from(part) : Buffer.concat([this.request, part]);
    this.stream.consume(end - start);
    if (endStream) this.answer();
  }

  onDrain(): void {}

  onAborted(): void {}

  private answer(): void {
    callsByPath.set(this.path, (callsByPath.get(this.path) ?? 0) + 1);
    const reply = replyTo(this.path, this.request);
    if (reply === undefined) {
      this.stream.sendHeaders(trailersOnly('UNIMPLEMENTED', `unknown method ${this.path}`), true);
    } else if (reply === 'absent') {
      this.stream.sendHeaders(trailersOnly('NOT_FOUND', 'no such pod sandbox'), true);
    } else {
      this.stream.sendHeaders(REPLY_HEADERS, false);
      this.stream.sendOwned(reply, 0, reply.length, false);
      this.stream.sendHeaders(TRAILERS, true);
    }
  }
}

function answerQuestion(question: BackendQuestion): number {
  switch (question.kind) {
    case 'list': {
      const known = containersByCount.get(question.containers);
      containers = known ?? framed(cannedContainers(backend, question.containers));
      containersByCount.set(question.containers, containers);
      return question.containers;
    }
    case 'count':
      return callsByPath.get(question.path) ?? 0;
    default:
      return question satisfies never;
  }
}

const server = net.createServer((socket) => {
  new ServerConnection(socket, {
    accept: (stream) => new CannedReply(stream),
    onClose: (reason, error) => {
      if (error !== undefined) console.error(`backend ${backend}: ${reason}: ${error.message}`);
    },
  });
});
server.listen(socketPath);
process.on('message', (question: BackendQuestion) => process.send?.(answerQuestion(question)));
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
