// A backend's part in the streamed list of pod statistics when it has none: asked for its ready pod sandboxes and the
// statistics of its containers, of which the records are made.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { encodeField, forEachAt, readString } from '../cri/wire.ts';
import { encodeText } from '../cri/wire-writer.ts';
import { MalformedMessageError } from '../errors.ts';
import { framed } from '../grpc/message.ts';
import { statusName } from '../grpc/status.ts';
import { madePodStats } from '../merge/pod-stats.ts';
import { excerpt } from '../quote.ts';
import type { Call } from './call.ts';
import { collect } from './collect.ts';
import type { ProxyParts } from './parts.ts';
import { presented } from './presented.ts';

// PodSandboxStatsFilter: id 1, label_selector 2. PodSandboxFilter: id 1, state 2 {state 1}, label_selector 3.
// ContainerStatsFilter: pod_sandbox_id 2. In all requests the filter is field 1.
const FILTER = 1;
const ID = [FILTER, 1];
const LABELS = [FILTER, 2];
/** SANDBOX_READY is 0. */
const IS_READY = encodeField(2, Buffer.alloc(0));

/** Asks for what is needed; `done` gets the records or why there are none, once. Gives what ends the questions before that. */
export function makePodStats(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  done: (made: Buffer | { readonly why: string }) => void,
): () => void {
  const { clock, config, ledger } = parts;
  const replies = new Map<string, Buffer>();
  let isOver = false;
  const finish = (made: Buffer | { readonly why: string }) => {
    if (isOver) return;
    isOver = true;
    done(made);
  };
  const ask = (rpc: string, request: Uint8Array) =>
    collect(
      call,
      backend,
      {
        body: framed(request),
        rpc,
        limitBytes: config.limits.messageSizeBytes,
        isRetryable: true,
        hangClock: clock,
      },
      (outcome) => {
        if (outcome.kind !== 'answered') {
          finish({ why: whyOf(backend, outcome) });
          return;
        }
        replies.set(rpc, outcome.message);
        const sandboxes = replies.get(SANDBOXES.name);
        const stats = replies.get(CONTAINER_STATS.name);
        if (sandboxes === undefined || stats === undefined) return;
        try {
          const shown = presented(parts, backend, CONTAINER_STATS, stats);
          finish(madePodStats(sandboxes, shown, (id) => ledger.sandboxOf(id)));
        } catch (error) {
          if (!(error instanceof MalformedMessageError)) throw error;
          finish({ why: error.message });
        }
      },
    );
  const cancels = [
    ask(SANDBOXES.name, sandboxRequest(call.message)),
    ask(CONTAINER_STATS.name, containerRequest(call.message)),
  ];
  return () => {
    isOver = true;
    for (const cancel of cancels) cancel();
  };
}

const SANDBOXES = methodNamed('ListPodSandbox');
const CONTAINER_STATS = methodNamed('ListContainerStats') as ListMethod;

/** The pods that the client asks for, as far as they are ready: of others runtimes give no statistics. */
function sandboxRequest(request: Buffer): Uint8Array {
  const filter = [encodeText(1, idIn(request)), IS_READY];
  forEachAt(request, 0, request.length, LABELS, (_, start, end) => {
    filter.push(encodeField(3, request.subarray(start, end)));
  });
  return encodeField(FILTER, Buffer.concat(filter));
}

function containerRequest(request: Buffer): Uint8Array {
  const id = idIn(request);
  return id === '' ? Buffer.alloc(0) : encodeField(FILTER, encodeText(2, id));
}

function idIn(request: Buffer): string {
  return readString(request, 0, request.length, ID) ?? '';
}

function whyOf({ name }: Backend, outcome: Exclude<UnaryOutcome, { readonly kind: 'answered' }>): string {
  if (outcome.kind === 'failed') return outcome.error.message;
  return `backend ${name} ends it ${statusName(outcome.code)}: ${excerpt(outcome.text)}`;
}
