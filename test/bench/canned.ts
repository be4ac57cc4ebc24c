// The messages the bench's backends answer with: made once, the same in every process, sized like those of a real node.
// Written by field number, apart from the product's own code, which is what is measured here.
import { createHash } from 'node:crypto';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Sandboxes each backend has. */
export const SANDBOX_COUNT = 64;

const CREATED_AT_NS = 1_767_225_600_000_000_000n;
const CONTAINER_RUNNING = 1;

/** 64 hex digits, different for each input; the first tells the backend: a or b. */
function idOf(backend: number, kind: string, index: number): string {
  const digits = createHash('sha256').update(`${backend} ${kind} ${index}`).digest('hex');
  return `${backend === 0 ? 'a' : 'b'}${digits.slice(1)}`;
}

/** The id of a backend's pod sandbox. */
export function sandboxId(backend: number, index: number): string {
  return idOf(backend, 'sandbox', index);
}

class MessageWriter {
  private readonly writer = new BinaryWriter();

  text(field: number, value: string): this {
    this.writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  int(field: number, value: bigint | number): this {
    this.writer.tag(field, WireType.Varint).int64(BigInt(value));
    return this;
  }

  message(field: number, value: MessageWriter): this {
    this.writer.tag(field, WireType.LengthDelimited).bytes(value.finish());
    return this;
  }

  map(field: number, entries: Record<string, string>): this {
    for (const [key, value] of Object.entries(entries)) {
      this.message(field, new MessageWriter().text(1, key).text(2, value));
    }
    return this;
  }

  finish(): Uint8Array {
    return this.writer.finish();
  }
}

function podUid(backend: number, index: number): string {
  const hex = idOf(backend, 'pod', index);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

function podLabels(backend: number, index: number): Record<string, string> {
  return {
    'io.kubernetes.pod.name': `web-${index}`,
    'io.kubernetes.pod.namespace': 'default',
    'io.kubernetes.pod.uid': podUid(backend, index),
  };
}

function sandboxMetadata(backend: number, index: number): MessageWriter {
  return new MessageWriter()
    .text(1, `web-${index}`)
    .text(2, podUid(backend, index))
    .text(3, 'default')
    .int(4, 0);
}

/** VersionResponse. */
export function cannedVersion(backend: number): Uint8Array {
  return new MessageWriter()
    .text(1, '0.1.0')
    .text(2, backend === 0 ? 'containerd' : 'cri-o')
    .text(3, backend === 0 ? 'v2.1.9' : '1.33.0')
    .text(4, 'v1')
    .finish();
}

/** StatusResponse: both conditions are true. */
export function cannedStatus(): Uint8Array {
  const condition = (type: string): MessageWriter => new MessageWriter().text(1, type).int(2, 1);
  const status = new MessageWriter()
    .message(1, condition('RuntimeReady'))
    .message(1, condition('NetworkReady'));
  return new MessageWriter().message(1, status).finish();
}

/** PodSandboxStatusResponse for one sandbox, about 410 bytes. */
export function cannedSandboxStatus(backend: number, index: number): Uint8Array {
  const options = new MessageWriter().int(1, 0).int(2, 1).int(3, 0);
  const status = new MessageWriter()
    .text(1, sandboxId(backend, index))
    .message(2, sandboxMetadata(backend, index))
    .int(3, 0)
    .int(4, CREATED_AT_NS)
    .message(5, new MessageWriter().text(1, `10.88.0.${index + 2}`))
    .message(6, new MessageWriter().message(1, new MessageWriter().message(2, options)))
    .map(7, { ...podLabels(backend, index), app: 'web' })
    .map(8, {
      'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
      'kubernetes.io/config.source': 'api',
    });
  return new MessageWriter().message(1, status).finish();
}

/** ListPodSandboxResponse with the sandboxes whose id starts with `idPrefix`. */
export function cannedSandboxes(backend: number, idPrefix: string): Uint8Array {
  const reply = new MessageWriter();
  for (let index = 0; index < SANDBOX_COUNT; index++) {
    const id = sandboxId(backend, index);
    if (!id.startsWith(idPrefix)) continue;
    const sandbox = new MessageWriter()
      .text(1, id)
      .message(2, sandboxMetadata(backend, index))
      .int(3, 0)
      .int(4, CREATED_AT_NS)
      .map(5, podLabels(backend, index));
    reply.message(1, sandbox);
  }
  return reply.finish();
}

/** ListContainersResponse with `count` containers of about 570 bytes each. */
export function cannedContainers(backend: number, count: number): Uint8Array {
  const reply = new MessageWriter();
  for (let index = 0; index < count; index++) {
    const image = `sha256:${createHash('sha256')
      .update(`image ${index % 20}`)
      .digest('hex')}`;
    const container = new MessageWriter()
      .text(1, idOf(backend, 'container', index))
      .text(2, sandboxId(backend, index % SANDBOX_COUNT))
      .message(3, new MessageWriter().text(1, 'server').int(2, 0))
      .message(4, new MessageWriter().text(1, image))
      .text(5, image)
      .int(6, CONTAINER_RUNNING)
      .int(7, CREATED_AT_NS + BigInt(index))
      .map(8, { ...podLabels(backend, index % SANDBOX_COUNT), 'io.kubernetes.container.name': 'server' })
      .map(9, { 'io.kubernetes.container.hash': '6b9c3ad1', 'io.kubernetes.container.restartCount': '0' });
    reply.message(1, container);
  }
  return reply.finish();
}
