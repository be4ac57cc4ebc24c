// The metrics as Prometheus reads them: names, help texts and labels, all in this file. Loaded with the admin side
// after the first calls can be answered, because prom-client takes time to load and no call needs it.
import { Gauge, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import type { BackendSample, Metrics } from './metrics.ts';
import { exposeProcess } from './process-metrics.ts';
import { counter, gauge, TalliedHistogram } from './read-metrics.ts';
import type { CallTally } from './tally.ts';

/** A registry that reads `metrics` whenever it is asked for its text. */
export function createExposition(metrics: Metrics): Registry {
  const registry = new Registry();
  exposeProcess(registry);
  new Gauge({
    name: 'switchyard_build_info',
    help: 'Always 1; the labels tell which build is running.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: VERSION, node: process.version }, 1);
  exposeCalls(registry, metrics);
  exposeRouting(registry, metrics);
  exposeBackends(registry, metrics);
  exposeEvents(registry, metrics);
  counter(registry, 'switchyard_log_lines_dropped_total', LOG_LINES_HELP, [], function* () {
    yield [{}, metrics.sources.lostLogLines()];
  });
  exposeListeners(registry, metrics);
  return registry;
}

function exposeCalls(registry: Registry, metrics: Metrics): void {
  const { calls } = metrics;
  const byEnd = <T>(figure: (tally: CallTally) => T) =>
    function* (): Generator<[{ method: string; backend: string; code: string }, T]> {
      for (const [method, { ends }] of calls) {
        for (const { backend, code, tally } of ends) yield [{ method, backend, code }, figure(tally)];
      }
    };
  counter(
    registry,
    'switchyard_calls_total',
    CALLS_HELP,
    CALL_LABELS,
    byEnd(({ count }) => count),
  );
  new TalliedHistogram(
    registry,
    'switchyard_call_duration_seconds',
    DURATION_HELP,
    CALL_LABELS,
    byEnd((tally) => tally),
  );
  gauge(registry, 'switchyard_calls_in_flight', IN_FLIGHT_HELP, ['method'], function* () {
    for (const [method, { inFlight }] of calls) yield [{ method }, inFlight];
  });
  const requestBytes = byEnd((tally) => tally.requestBytes);
  counter(registry, 'switchyard_request_bytes_total', REQUEST_BYTES_HELP, CALL_LABELS, requestBytes);
  const responseBytes = byEnd((tally) => tally.responseBytes);
  counter(registry, 'switchyard_response_bytes_total', RESPONSE_BYTES_HELP, CALL_LABELS, responseBytes);
  counter(registry, 'switchyard_unknown_rpcs_total', UNKNOWN_RPCS_HELP, [], function* () {
    yield [{}, metrics.unknownRpcs];
  });
}

function exposeRouting(registry: Registry, metrics: Metrics): void {
  counter(registry, 'switchyard_decisions_total', DECISIONS_HELP, ['rule', 'outcome'], function* () {
    for (const [rule, outcome, , count] of metrics.decisions) yield [{ rule, outcome }, count.value];
  });
  counter(registry, 'switchyard_locates_total', LOCATES_HELP, ['outcome'], function* () {
    for (const [outcome, count] of metrics.locates) yield [{ outcome }, count.value];
  });
  counter(registry, 'switchyard_stray_images_total', STRAY_IMAGES_HELP, ['outcome'], function* () {
    for (const [outcome, count] of metrics.strayImages) yield [{ outcome }, count.value];
  });
  gauge(registry, 'switchyard_ledger_sandboxes', 'Pod sandboxes whose owner is known.', [], function* () {
    yield [{}, metrics.sources.ledgerSize().sandboxes];
  });
  gauge(registry, 'switchyard_ledger_containers', 'Containers whose owner is known.', [], function* () {
    yield [{}, metrics.sources.ledgerSize().containers];
  });
}

function exposeBackends(registry: Registry, metrics: Metrics): void {
  const sampled = (name: string, help: string, read: (sample: BackendSample) => number) =>
    gauge(registry, name, help, ['backend'], function* () {
      for (const sample of metrics.sources.backends()) yield [{ backend: sample.name }, read(sample)];
    });
  sampled('switchyard_backend_up', UP_HELP, (sample) => (sample.isUp ? 1 : 0));
  gauge(registry, 'switchyard_backend_image_service_up', IMAGES_UP_HELP, ['backend'], function* () {
    for (const { name, isImageServiceUp } of metrics.sources.backends())
      if (isImageServiceUp !== undefined) yield [{ backend: name }, isImageServiceUp ? 1 : 0];
  });
  sampled('switchyard_backend_sandboxes', 'Pod sandboxes known to live there.', (sample) => sample.sandboxes);
  sampled('switchyard_backend_containers', 'Containers known to live there.', (sample) => sample.containers);
  sampled('switchyard_backend_calls_in_flight', BACKEND_IN_FLIGHT_HELP, (sample) => sample.callsInFlight);
  gauge(registry, 'switchyard_backend_state', STATE_HELP, ['backend', 'state'], function* () {
    for (const { name, state } of metrics.sources.backends()) yield [{ backend: name, state }, 1];
  });
  sampled('switchyard_backend_absent_seconds', ABSENT_HELP, (sample) => sample.absentMs / 1_000);
  sampled('switchyard_backend_cgroup_driver_mismatch', CGROUP_DRIVER_HELP, (sample) =>
    sample.hasOddCgroupDriver ? 1 : 0,
  );
  gauge(registry, 'switchyard_snapshot_age_seconds', SNAPSHOT_AGE_HELP, ['backend', 'method'], function* () {
    for (const { name, snapshotAgesMs } of metrics.sources.backends()) {
      for (const [method, ageMs] of snapshotAgesMs) yield [{ backend: name, method }, ageMs / 1_000];
    }
  });
  counter(
    registry,
    'switchyard_snapshot_answers_total',
    SNAPSHOT_ANSWERS_HELP,
    ['backend', 'method'],
    function* () {
      for (const [backend, method, , count] of metrics.snapshotAnswers)
        yield [{ backend, method }, count.value];
    },
  );
  counter(registry, 'switchyard_partial_answers_total', PARTIAL_HELP, ['backend', 'method'], function* () {
    for (const [backend, method, , count] of metrics.partialAnswers) yield [{ backend, method }, count.value];
  });
  counter(registry, 'switchyard_foreign_ids_total', FOREIGN_HELP, ['backend'], function* () {
    for (const [backend, count] of metrics.foreign) yield [{ backend }, count.value];
  });
  counter(
    registry,
    'switchyard_stream_requests_total',
    STREAM_REQUESTS_HELP,
    ['kind', 'backend', 'outcome'],
    function* () {
      for (const [kind, backend, outcome, count] of metrics.streamRequests)
        yield [{ kind, backend, outcome }, count.value];
    },
  );
  gauge(registry, 'switchyard_streams_open', STREAMS_OPEN_HELP, ['kind', 'backend'], function* () {
    for (const [kind, backend, , count] of metrics.streamsOpen) yield [{ kind, backend }, count.value];
  });
  gauge(registry, 'switchyard_journal_bytes', 'Size of the journal in stateDir.', [], function* () {
    yield [{}, metrics.sources.journal().sizeBytes];
  });
  gauge(registry, 'switchyard_journal_failing', JOURNAL_FAILING_HELP, [], function* () {
    yield [{}, metrics.sources.journal().isFailing ? 1 : 0];
  });
  counter(registry, 'switchyard_backend_turns_total', TURNS_HELP, ['backend', 'state'], function* () {
    for (const [backend, state, , count] of metrics.backendTurns) yield [{ backend, state }, count.value];
  });
  new TalliedHistogram(registry, 'switchyard_part_duration_seconds', PARTS_HELP, PART_LABELS, function* () {
    for (const [backend, code, , tally] of metrics.parts) yield [{ backend, code }, tally];
  });
}

function exposeEvents(registry: Registry, metrics: Metrics): void {
  counter(registry, 'switchyard_events_total', EVENTS_HELP, ['backend', 'kind'], function* () {
    for (const [backend, kind, , count] of metrics.events) yield [{ backend, kind }, count.value];
  });
  gauge(registry, 'switchyard_event_clients', 'Clients that listen to GetContainerEvents.', [], function* () {
    yield [{}, metrics.calls.get('GetContainerEvents')?.inFlight ?? 0];
  });
  counter(registry, 'switchyard_event_clients_left_total', SLOW_CLIENTS_HELP, [], function* () {
    yield [{}, metrics.slowEventClients];
  });
}

function exposeListeners(registry: Registry, metrics: Metrics): void {
  gauge(registry, 'switchyard_connections', CONNECTIONS_HELP, ['listener'], function* () {
    for (const [listener, { value }] of metrics.connections) yield [{ listener }, value];
  });
  counter(
    registry,
    'switchyard_connections_turned_away_total',
    TURNED_AWAY_HELP,
    ['listener', 'outcome'],
    function* () {
      for (const [listener, reason, , { value }] of metrics.turnedAway)
        yield [{ listener, outcome: reason }, value];
    },
  );
}

const CALL_LABELS = ['method', 'backend', 'code'] as const;
const PART_LABELS = ['backend', 'code'] as const;

const CALLS_HELP =
  "Calls answered. method is an RPC of CRI; 'other' for one that this build has no row for, 'unknown' for none. backend is who answered, or for whose sake the call was refused; 'several' for a merged answer, or when several are at fault (the log names them); 'none' for an answer of our own; code is the gRPC status.";
const DURATION_HELP = 'Time from the first byte of a call to the last byte of its answer.';
const IN_FLIGHT_HELP = 'Calls taken and not answered yet.';
const REQUEST_BYTES_HELP = 'Bytes of request messages, as received from clients.';
const RESPONSE_BYTES_HELP = 'Bytes of reply messages, as sent to clients.';
const UNKNOWN_RPCS_HELP = 'Calls of RPCs that this build has no row for; they are forwarded all the same.';
const DECISIONS_HELP =
  'Decisions by rule and outcome: placed, refused, fallback (the rule named another backend for an absent one), sticky (the pod has a sandbox there). Rule checkpoint takes a pod that is restored to the backend that wrote its checkpoint. Rule guard refuses a pod or container whose backend would ignore what isolates it.';
const LOCATES_HELP =
  'Searches for ids that the ledger did not know: found, absent (every backend denies it), unresolved (one could not be asked), ambiguous.';
const STRAY_IMAGES_HELP =
  "Containers that were to be created with what another backend's image of the name has: replaced (its id gave way to that of the pod's own backend), missing (which lacks the image, so the kubelet pulls it), other-user (its user; the kubelet tries again).";
const UP_HELP = '1 when the backend is connected and has answered Version since, else 0.';
const IMAGES_UP_HELP =
  '1 when the image service of a backend with an imageEndpoint is connected and answers, else 0: its pods go on then, its image calls fail.';
const BACKEND_IN_FLIGHT_HELP = 'Calls sent to the backend and not answered yet.';
const STATE_HELP =
  'Always 1; the label tells the state: connecting, ready, not-ready, unreachable, hanging or closed.';
const ABSENT_HELP = 'How long calls to the backend have been failing at once; 0 while they do not.';
const CGROUP_DRIVER_HELP =
  '1 while the backend uses another cgroup driver than the node: it gets no new pods, and those it has are served.';
const SNAPSHOT_AGE_HELP = 'Time since the backend last gave the list in full.';
const SNAPSHOT_ANSWERS_HELP =
  'Answers in which the snapshot of a backend stood for one of its own: lists, the status of a pod or container, the stop of what had ended.';
const PARTIAL_HELP =
  'Lists of statistics or metrics that were given without the backend: it was away or late, or ended them with an error, and no part could be made for it.';
const FOREIGN_HELP =
  'Records left out because another backend owns their ids, as two endpoints of one runtime do.';
const STREAM_REQUESTS_HELP =
  'Connections to the relay of streams, by kind (exec, attach, portforward) and outcome: upgraded, answered (the backend opened no stream and said why), failed (it gave no answer), left (the client went first), refused (no such URL).';
const STREAMS_OPEN_HELP = 'Streams that the relay carries now.';
const JOURNAL_FAILING_HELP =
  '1 while the state directory cannot be written: a restart would forget what is learnt meanwhile.';
const TURNS_HELP = 'Times the backend came up or went down.';
const PARTS_HELP = 'Time a backend took for its part of a call that asks several backends.';
const EVENTS_HELP =
  'Events told to the clients of GetContainerEvents. kind is native for the events of a backend itself and synthesised for those made from its lists.';
const SLOW_CLIENTS_HELP = 'Event streams that were ended because their client did not read fast enough.';
const LOG_LINES_HELP =
  'Lines of the log that were dropped: they could not be written, as on a full disk, or their reader was too slow.';
const CONNECTIONS_HELP =
  'Connections that clients have open: to the CRI socket, the admin side, the relay of streams.';
const TURNED_AWAY_HELP =
  'Connections that Switchyard closed for the sake of others: refused (all others had something in flight), evicted (the one that mattered least made room), silent (nothing was asked in time).';
