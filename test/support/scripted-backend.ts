// A backend on @grpc/grpc-js that answers any CRI call with bytes, metadata and status that a test has written, and
// records what arrived. For tests of what passes through the proxy untouched.
import { Metadata, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { METHODS } from '../../src/cri/methods.ts';

/** What a method answers. Without a status it is OK. */
export interface Answer {
  readonly messages?: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string | Buffer>>;
  readonly trailers?: Readonly<Record<string, string | Buffer>>;
  readonly code?: number;
  readonly details?: string;
  /** True when the stream does not end by itself. */
  readonly staysOpen?: boolean;
}

/** A call as it came in. */
export interface Arrival {
  readonly path: string;
  readonly request: Buffer;
  readonly metadata: Metadata;
  /** Milliseconds until the deadline that was sent along; Infinity without one. */
  readonly remainingMs: number;
  /** True once the caller has cancelled. */
  isCancelled: boolean;
}

export interface ScriptedBackend extends AsyncDisposable {
  readonly arrivals: readonly Arrival[];
  /** What an RPC answers from now on: by its name, or by its path for one that has no row. */
  answer(rpc: string, answer: Answer | ((arrival: Arrival) => Answer | Promise<Answer>)): void;
}

type Call = {
  readonly metadata: Metadata;
  getPath(): string;
  getDeadline(): Date | number;
  readonly request: Buffer;
  sendMetadata(metadata: Metadata): void;
  write(message: Buffer): void;
  end(metadata?: Metadata): void;
  emit(event: 'error', error: unknown): void;
  on(event: 'cancelled', listener: () => void): void;
};

/** Starts it. RPCs that have no answer are UNIMPLEMENTED; further paths can be served by naming them. */
export async function scriptedBackend(
  socket: string,
  furtherPaths: readonly string[] = [],
  apiVersion: 'v1' | 'v1alpha2' = 'v1',
): Promise<ScriptedBackend> {
  const answers = new Map<string, Answer | ((arrival: Arrival) => Answer | Promise<Answer>)>();
  const arrivals: Arrival[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  const identity = (bytes: Buffer) => bytes;
  const paths = [
    ...METHODS.map(({ service, name }) => `/runtime.${apiVersion}.${service}/${name}`),
    ...furtherPaths,
  ];
  const definition = Object.fromEntries(
    paths.map((path) => [
      path,
      {
        path,
        requestStream: false,
        responseStream: true,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    ]),
  ) as ServiceDefinition;
  const serve = async (call: Call) => {
    const path = call.getPath();
    const deadline = Number(call.getDeadline());
    const arrival = {
      path,
      request: call.request,
      metadata: call.metadata,
      remainingMs: deadline - Date.now(),
      isCancelled: false,
    };
    call.on('cancelled', () => {
      arrival.isCancelled = true;
    });
    arrivals.push(arrival);
    const script = answers.get(path) ?? answers.get(path.slice(path.lastIndexOf('/') + 1));
    const answer = typeof script === 'function' ? await script(arrival) : script;
    if (answer === undefined) {
      call.emit('error', { code: 12, details: `unknown method ${path}` });
      return;
    }
    if (answer.headers !== undefined) call.sendMetadata(toMetadata(answer.headers));
    for (const message of answer.messages ?? []) call.write(Buffer.from(message));
    if (answer.staysOpen) return;
    const trailers = toMetadata(answer.trailers ?? {});
    if ((answer.code ?? 0) === 0) call.end(trailers);
    else call.emit('error', { code: answer.code, details: answer.details ?? '', metadata: trailers });
  };
  server.addService(definition, Object.fromEntries(paths.map((path) => [path, serve])) as never);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  return {
    arrivals,
    answer: (rpc, answer) => void answers.set(rpc, answer),
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}

function toMetadata(entries: Readonly<Record<string, string | Buffer>>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}
