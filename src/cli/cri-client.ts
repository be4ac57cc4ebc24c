// A small CRI client for the first look that `serve` takes through its own socket, and at the backends behind it.
// It rests on @grpc/grpc-js, which shares no code with Switchyard's own data path, so that it is a witness.
import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { silenceReason } from './text.ts';

/** As the kubelet allows. */
const MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024;
const CALL_TIMEOUT_MS = 10_000;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

/** Calls one CRI endpoint. Connects at the first call. */
export class CriClient implements Disposable {
  readonly socket: string;
  readonly #client: Client;

  constructor(socket: string) {
    this.socket = socket;
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.default_authority': 'localhost',
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
      'grpc.max_send_message_length': MESSAGE_LIMIT_BYTES,
    });
  }

  /** Makes one call; rejects with the ServiceError of @grpc/grpc-js, whose `code` and `details` are the status. */
  call<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<MessageShape<M['input']>, MessageShape<M['output']>>(
        `/${method.parent.typeName}/${method.name}`,
        (message) => Buffer.from(toBinary<M['input']>(method.input, message)),
        (bytes) => fromBinary<M['output']>(method.output, bytes),
        create<M['input']>(method.input, request),
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error: ServiceError | null, reply) => {
          if (error !== null) reject(error);
          else if (reply === undefined)
            reject(new Error(`${method.name} was answered with neither reply nor error`));
          else resolve(reply);
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** The words of a status; those of @grpc/grpc-js about a connection that there is not are said in ours. */
export function describeStatus({
  code,
  details,
}: {
  readonly code: number;
  readonly details: string;
}): string {
  if (code === DEADLINE_EXCEEDED && details.startsWith('Deadline exceeded after'))
    return silenceReason('ETIMEDOUT');
  if (code !== UNAVAILABLE || !details.startsWith('No connection established')) return details;
  const [, reason] = /connect (E[A-Z]+)/.exec(details) ?? [];
  return reason === undefined ? 'no connection can be made' : silenceReason(reason);
}

/** The status of a failed call, or undefined when it failed otherwise. */
export function statusOf(error: unknown): { readonly code: number; readonly details: string } | undefined {
  if (!(error instanceof Error && 'code' in error && 'details' in error)) return undefined;
  const { code, details } = error;
  return typeof code === 'number' && typeof details === 'string' ? { code, details } : undefined;
}
