// Finds out whether a backend answers and which CRI version it speaks: v1 first, v1alpha2 only after UNIMPLEMENTED,
// because one v1alpha2 call makes containerd 1.6 and 1.7 report a deprecation in their Status until they restart.
import { encodeVersionRequest, readVersionResponse } from '../cri/own-messages.ts';
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
  | { readonly kind: 'version'; readonly apiVersion: ApiVersion; readonly version: BackendVersion }
  /** It answers, but with an error: containerd says UNAVAILABLE while it starts. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const PROBE_DEADLINE_MS = 10_000;
const VERSION_LIMIT_BYTES = 64 * 1024;
/** Characters of a name or a version; that of containerd with its commit has 50. */
const VERSION_TEXT_LIMIT = 128;

/** The call that tells whether a backend is alive: it costs a runtime nothing. */
export function probeRequest(): BackendRequest {
  const body = framed(encodeVersionRequest());
  const message = { body, start: 0, end: body.length };
  return { service: 'RuntimeService', rpc: 'Version', metadata: [], deadlineAtMs: undefined, ...message };
}

/** Calls Version on a fresh connection. `done` is called once, unless the connection's owner forgets it. */
export function probeVersion(
  { backendName, socket }: { readonly backendName: string; readonly socket: string },
  connection: ClientConnection,
  done: (outcome: ProbeOutcome) => void,
): void {
  ask('v1', (outcome) => {
    if (outcome.kind !== 'status' || outcome.code !== STATUS.UNIMPLEMENTED) done(read(outcome, 'v1'));
    else
      ask('v1alpha2', (older) => {
        const isLacking = older.kind === 'status' && older.code === STATUS.UNIMPLEMENTED;
        if (!isLacking) done(read(older, 'v1alpha2'));
        else done({ kind: 'refused', reason: describeLackOfCri(socket, refusalOf(outcome)) });
      });
  });

  function ask(apiVersion: ApiVersion, answered: (outcome: UnaryOutcome) => void): void {
    const call = new UnaryCall(backendName, VERSION_LIMIT_BYTES, answered);
    const { service, rpc, body, start, end } = probeRequest();
    const path = pathFor(service, rpc, apiVersion);
    call.stream = connection.open(call);
    call.stream.sendHeaders(backendRequestFields(path, [], timeoutField(PROBE_DEADLINE_MS)), false);
    call.stream.sendData(body, start, end, true);
  }
}

function read(outcome: UnaryOutcome, apiVersion: ApiVersion): ProbeOutcome {
  switch (outcome.kind) {
    case 'answered':
      try {
        return { kind: 'version', apiVersion, version: toVersion(readVersionResponse(outcome.message)) };
      } catch (error) {
        return {
          kind: 'failed',
          reason: `its answer to Version cannot be read: ${(error as Error).message}`,
        };
      }
    case 'status':
      return { kind: 'refused', reason: refusalOf(outcome) };
    case 'failed': {
      const { error } = outcome;
      const hint = error instanceof ForeignAnswerError ? `. ${error.hint}` : '';
      return { kind: 'failed', reason: error.message + hint };
    }
    default:
      return outcome satisfies never;
  }
}

function refusalOf({ code, text }: { readonly code: number; readonly text: string }): string {
  return `its Version call ends ${statusName(code)}: ${excerpt(text)}`;
}

/** It becomes part of the node's status and of metrics and logs: without what is no text, and not endless. */
function toVersion({ runtimeName, runtimeVersion }: BackendVersion): BackendVersion {
  const clean = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').slice(0, VERSION_TEXT_LIMIT);
  return { runtimeName: clean(runtimeName), runtimeVersion: clean(runtimeVersion) };
}
