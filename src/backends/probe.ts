// Finds out whether a backend answers and which CRI version it speaks: v1 first, v1alpha2 only after UNIMPLEMENTED,
// because one v1alpha2 call makes containerd 1.6 and 1.7 report a deprecation in their Status until they restart.
import type { ServiceName } from '../cri/methods.ts';
import { encodeImageProbe, encodeVersionRequest, readVersionResponse } from '../cri/own-messages.ts';
import { type ApiVersion, pathFor } from '../cri/versions.ts';
import { ForeignAnswerError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import { backendRequestFields } from '../grpc/metadata.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { timeoutField } from '../grpc/timeout.ts';
import type { ClientConnection } from '../http2/client.ts';
import { excerpt } from '../quote.ts';
import type { BackendRequest } from './backend-call.ts';
import { describeLackOfCri } from './foreign-peer.ts';
import { UnaryCall, type UnaryOutcome } from './unary-call.ts';

/** What a backend says of itself in Version. */
export interface BackendVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
}

export type ProbeOutcome =
  /** An image service says nothing of itself. */
  | {
      readonly kind: 'ready';
      readonly apiVersion: ApiVersion;
      readonly version: BackendVersion | undefined;
    }
  /** It answers, but with an error: containerd says UNAVAILABLE while it starts. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const PROBE_DEADLINE_MS = 10_000;
const VERSION_LIMIT_BYTES = 64 * 1024;
/** Characters of a name or a version; that of containerd with its commit has 50. */
const VERSION_TEXT_LIMIT = 128;

/**
 * The call that tells whether a service is alive: it costs a runtime nothing. An image service has no Version; it looks
 * up an image that is not there (a kubelet asks for ImageFsInfo, for which some runtimes walk their disks).
 */
export function probeRequest(service: ServiceName): BackendRequest {
  const isRuntime = service === 'RuntimeService';
  const rpc = isRuntime ? 'Version' : 'ImageStatus';
  const body = framed(isRuntime ? encodeVersionRequest() : encodeImageProbe());
  return {
    service,
    rpc,
    metadata: [],
    clientCalls: 0,
    deadlineAtMs: undefined,
    body,
    start: 0,
    end: body.length,
  };
}

/** A service and where it is. */
export interface ProbedService {
  readonly backendName: string;
  readonly socket: string;
  readonly service: ServiceName;
}

/** Makes the probe's call on a fresh connection. `done` is called once, unless the connection's owner forgets it. */
export function probe(
  { backendName, socket, service }: ProbedService,
  connection: ClientConnection,
  done: (outcome: ProbeOutcome) => void,
): void {
  const request = probeRequest(service);
  ask('v1', (outcome) => {
    if (outcome.kind !== 'status' || outcome.code !== STATUS.UNIMPLEMENTED)
      done(read(outcome, 'v1', request));
    else
      ask('v1alpha2', (older) => {
        const isLacking = older.kind === 'status' && older.code === STATUS.UNIMPLEMENTED;
        if (!isLacking) done(read(older, 'v1alpha2', request));
        else done({ kind: 'refused', reason: describeLackOfCri(socket, refusalOf(outcome, request)) });
      });
  });

  function ask(apiVersion: ApiVersion, answered: (outcome: UnaryOutcome) => void): void {
    const call = new UnaryCall(backendName, VERSION_LIMIT_BYTES, answered);
    const { rpc, body, start, end } = request;
    const path = pathFor(service, rpc, apiVersion);
    call.stream = connection.open(call);
    call.stream.sendHeaders(backendRequestFields(path, [], timeoutField(PROBE_DEADLINE_MS)), false);
    call.stream.sendData(body, start, end, true);
  }
}

function read(outcome: UnaryOutcome, apiVersion: ApiVersion, request: BackendRequest): ProbeOutcome {
  switch (outcome.kind) {
    case 'answered':
      if (request.rpc !== 'Version') return { kind: 'ready', apiVersion, version: undefined };
      try {
        return { kind: 'ready', apiVersion, version: toVersion(readVersionResponse(outcome.message)) };
      } catch (error) {
        return {
          kind: 'failed',
          reason: `its answer to Version cannot be read: ${(error as Error).message}`,
        };
      }
    case 'status':
      // An image that is not there: some say so by a status.
      if (request.rpc !== 'Version' && outcome.code === STATUS.NOT_FOUND)
        return { kind: 'ready', apiVersion, version: undefined };
      return { kind: 'refused', reason: refusalOf(outcome, request) };
    case 'failed': {
      const { error } = outcome;
      const hint = error instanceof ForeignAnswerError ? `. ${error.hint}` : '';
      return { kind: 'failed', reason: error.message + hint };
    }
    default:
      return outcome satisfies never;
  }
}

function refusalOf(
  { code, text }: { readonly code: number; readonly text: string },
  { rpc }: BackendRequest,
): string {
  return `its ${rpc} call ends ${statusName(code)}: ${excerpt(text)}`;
}

/** It becomes part of the node's status and of metrics and logs: without what is no text, and not endless. */
function toVersion({ runtimeName, runtimeVersion }: BackendVersion): BackendVersion {
  const clean = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').slice(0, VERSION_TEXT_LIMIT);
  return { runtimeName: clean(runtimeName), runtimeVersion: clean(runtimeVersion) };
}
