// Finds out whether a backend answers and which CRI version it speaks: v1 first, v1alpha2 only after UNIMPLEMENTED,
// because one v1alpha2 call makes containerd 1.6 and 1.7 report a deprecation in their Status until they restart.
import { encodeVersionRequest, readVersionResponse } from '../cri/own-messages.ts';
import { type ApiVersion, pathFor } from '../cri/versions.ts';
import { framed } from '../grpc/message.ts';
import { backendRequestFields } from '../grpc/metadata.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { timeoutField } from '../grpc/timeout.ts';
import type { ClientConnection } from '../http2/client.ts';
import { excerpt } from '../quote.ts';
import type { BackendRequest } from './backend-call.ts';
import { UnaryCall } from './unary-call.ts';

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

/** The call that tells whether a backend is alive: it costs a runtime nothing. */
export function probeRequest(): BackendRequest {
  const body = framed(encodeVersionRequest());
  const message = { body, start: 0, end: body.length };
  return { service: 'RuntimeService', rpc: 'Version', metadata: [], deadlineAtMs: undefined, ...message };
}

/** Calls Version on a fresh connection. `done` is called once, unless the connection's owner forgets it. */
export function probeVersion(
  backendName: string,
  connection: ClientConnection,
  done: (outcome: ProbeOutcome) => void,
  apiVersion: ApiVersion = 'v1',
): void {
  const call = new UnaryCall(backendName, VERSION_LIMIT_BYTES, (outcome) => {
    switch (outcome.kind) {
      case 'answered': {
        done({ kind: 'version', apiVersion, version: readVersionResponse(outcome.message) });
        return;
      }
      case 'status':
        if (outcome.code === STATUS.UNIMPLEMENTED && apiVersion === 'v1') {
          probeVersion(backendName, connection, done, 'v1alpha2');
          return;
        }
        done({
          kind: 'refused',
          reason: `its Version call ends ${statusName(outcome.code)}: ${excerpt(outcome.text)}`,
        });
        return;
      case 'failed':
        done({ kind: 'failed', reason: outcome.error.message });
        return;
      default:
        outcome satisfies never;
    }
  });
  const { service, rpc, body, start, end } = probeRequest();
  const path = pathFor(service, rpc, apiVersion);
  call.stream = connection.open(call);
  call.stream.sendHeaders(backendRequestFields(path, [], timeoutField(PROBE_DEADLINE_MS)), false);
  call.stream.sendData(body, start, end, true);
}
