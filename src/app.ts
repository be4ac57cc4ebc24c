// The composition root: builds every part from a config, starts them in order, stops them in reverse.
import { readinessOf } from './admin/readiness.ts';
import { startAdminSide } from './admin/start.ts';
import type { Backend } from './backends/backend.ts';
import { Identity } from './backends/identity.ts';
import { BackendRegistry } from './backends/registry.ts';
import { StateLog } from './backends/state-log.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { sampleOf } from './ledger/backend-sample.ts';
import { Census } from './ledger/census.ts';
import { ImageMemory } from './ledger/image-memory.ts';
import { Locator } from './ledger/locate.ts';
import { recall } from './ledger/recall.ts';
import { planListeners } from './listeners/plan.ts';
import { CgroupDrivers } from './proxy/cgroup-drivers.ts';
import { dispatch } from './proxy/dispatch.ts';
import { EarlyClients } from './proxy/early-clients.ts';
import { EventHub } from './proxy/event-hub.ts';
import { Front } from './proxy/front.ts';
import { Health } from './proxy/health.ts';
import { LateLists } from './proxy/late-lists.ts';
import { Admission } from './proxy/layers/admit.ts';
import { observe } from './proxy/layers/observe.ts';
import { rescue } from './proxy/layers/rescue.ts';
import { ListSizeAlarm } from './proxy/list-size-alarm.ts';
import { listen } from './proxy/listener.ts';
import type { ProxyParts } from './proxy/parts.ts';
import { RuntimeConfigReplay } from './proxy/runtime-config-replay.ts';
import { reportState } from './proxy/state-report.ts';
import { Statistics } from './proxy/statistics.ts';
import { TwinAlarm } from './proxy/twin-alarm.ts';
import { welcome } from './proxy/welcome.ts';
import { startStreams } from './streaming/start.ts';
import type { Logger } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { throttledLog } from './telemetry/throttled-log.ts';

export interface SwitchyardOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Lines that the log has lost since the start. */
  readonly lostLogLines?: () => number;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Called once, when clients have made more than a few calls. */
  readonly onWork?: () => void;
}

/** A Switchyard that serves. */
export interface Switchyard {
  /** Path of the CRI socket. */
  readonly socket: string;
  /** Where metrics and health are served; undefined when the config has none, or it cannot be had yet. */
  readonly adminAddress: string | undefined;
  /** Writes to the log how the backends are, and which calls have been in flight for longest. */
  reportState(): void;
  /** Takes no new calls, lets those in flight finish within the grace time, removes the socket. */
  close(): Promise<void>;
}

/** Starts everything. Throws StartError when the CRI socket, the state directory or the address of the relay can't be had. */
export async function startSwitchyard({
  config,
  log: unthrottledLog,
  lostLogLines = () => 0,
  clock = systemClock,
  onWork = () => {},
}: SwitchyardOptions): Promise<Switchyard> {
  const log = throttledLog(unthrottledLog, clock);
  const stateLog = new StateLog(log, (backend) => memory.unlistedCause(backend));
  const registry = new BackendRegistry(config, clock, {
    onState: (backend, state) => {
      stateLog.backendTurned(backend, state);
      health.update();
      cgroupDrivers.onState(backend, state);
      statistics.onState(backend, state);
      if (state.kind === 'connecting' || state.kind === 'closed') return;
      metrics.backendTurned(backend.name, state.kind === 'ready' ? 'up' : 'down');
      if (state.kind === 'ready') {
        twinAlarm.checkSockets();
        void welcome(parts, backend).then(() => health.update());
        events.backendReady(backend);
      } else census.dismiss(backend);
      if (state.kind === 'hanging') events.backendHangs(backend);
    },
    onImageState: (backend, state) => {
      stateLog.imagesTurned(backend, state);
      if (state.kind !== 'ready') return;
      twinAlarm.checkSockets();
      void census.recountImages(backend);
    },
    onError: (backend, error) =>
      log.error({ err: error, backend: backend.name }, 'unexpected error in an answer'),
  });
  const listeners = planListeners(registry.all.length, config.streamRelay !== undefined, clock, log);
  const health = new Health(() => registry.isListed && listener.trouble === undefined, clock);
  // The socket first: who holds it may touch the state directory. Clients that connect meanwhile wait.
  const clients = new EarlyClients(listeners.atMost.cri);
  const listener = await listen({
    ...config.listen,
    ...{ clock, log },
    onConnection: (socket) => clients.accept(socket),
  });
  const { stateDir } = config;
  const memory = await recall({
    stateDir,
    backends: registry.all,
    clock,
    onTrouble: (reason) =>
      log.error({ reason, stateDir }, 'the state directory cannot be written: calls go on without it'),
    onRecovered: () => log.info({ stateDir }, 'the state directory can be written again'),
    onRemark: (remark) => log.warn({ stateDir }, remark),
  }).catch(async (error: unknown) => {
    await listener.close();
    throw error;
  });
  const { ledger, placements, checkpoints, notes } = memory;
  const identity = new Identity(config.runtimeName, notes.get('runtime-name'), (bytes) =>
    memory.note('runtime-name', bytes),
  );
  const replay = new RuntimeConfigReplay({
    kept: notes.get('runtime-config'),
    keep: (request) => memory.note('runtime-config', request),
    log,
  });
  const cgroupDrivers = new CgroupDrivers({
    backends: registry.all,
    kept: notes.get('cgroup-leader'),
    keep: (leader) => memory.note('cgroup-leader', leader),
    clock,
    log,
  });
  const statistics = new Statistics({
    ...{ backends: registry.all, clock, log, kept: notes.get('metric-descriptors') },
    keep: (descriptors) => memory.note('metric-descriptors', descriptors),
  });
  const metrics = new Metrics({
    backends: () =>
      registry.all.map((backend) => {
        const hasOddCgroupDriver = cgroupDrivers.mismatchOf(backend) !== undefined;
        return { ...sampleOf(backend, ledger, clock), hasOddCgroupDriver };
      }),
    ledgerSize: () => ({ sandboxes: ledger.count('sandbox'), containers: ledger.count('container') }),
    journal: () => ({ sizeBytes: memory.sizeBytes, isFailing: memory.trouble !== undefined }),
    lostLogLines,
  });
  const streamLimit = listeners.limit('streams', metrics);
  const streams = await startStreams({ config, clock, log, metrics, limit: streamLimit }).catch(
    async (error: unknown) => {
      await Promise.all([listener.close(), memory.close()]);
      throw error;
    },
  );
  const twinAlarm = new TwinAlarm(config, log, metrics, clock);
  const onForeignIds = (backend: Backend, count: number) => twinAlarm.foreignIds(backend, count);
  const census = new Census({
    ledger,
    clock,
    onFailure: (backend, reason) =>
      log.warn({ backend: backend.name, reason }, 'a backend could not be listed'),
    onForeignIds,
  });
  for (const { backend, release } of memory.unsettled) census.whenCounted(backend, release);
  const locator = new Locator({
    ...{ backends: registry.all, ledger, clock, gone: memory.gone },
    onOutcome: (outcome) => metrics.locate(outcome),
  });
  const record = () => memory.flush();
  const events = new EventHub({
    ...{ backends: registry.all, clock, log, metrics, ledger, census, record, onForeignIds },
    ...{ messageSizeBytes: config.limits.messageSizeBytes, periodMs: config.events.periodMs },
  });
  const parts: ProxyParts = {
    config,
    clock,
    log,
    metrics,
    registry,
    ledger,
    placements,
    checkpoints,
    census,
    locator,
    imageMemory: new ImageMemory(clock),
    identity,
    replay,
    statistics,
    cgroupDrivers,
    streams,
    listSizes: new ListSizeAlarm(log),
    lateLists: new LateLists(clock),
    events,
    health,
    record,
    onForeignIds,
  };
  metrics.expectRules(config.rules.map((rule) => rule.name));

  const admission = new Admission(config.limits.callsInFlight, onWork);
  const layers = [observe(metrics, unthrottledLog, clock), rescue(log), admission.layer];
  const serve = layers.reduceRight((next, layer) => layer(next), dispatch(parts));
  const front = new Front({
    ...{ clock, log, messageSizeBytes: config.limits.messageSizeBytes },
    ...{ callBudget: admission.budget, limit: listeners.limit('cri', metrics), serve },
  });

  for (const backend of registry.all) census.expect(backend);
  registry.start();
  clients.handTo((socket) => front.accept(socket));
  log.info({ socket: config.listen.socket, backends: registry.all.map((b) => b.name) }, 'serving CRI');
  const readiness = () => readinessOf(registry, census, { state: memory, socket: listener });
  const admin = await startAdminSide({
    address: config.admin,
    metrics,
    readiness,
    log,
    clock,
    limit: listeners.limit('admin', metrics),
    firstAnswer: admission.firstAnswer,
  });

  return {
    socket: config.listen.socket,
    get adminAddress() {
      return admin?.address;
    },
    reportState: () => reportState(unthrottledLog, { registry, calls: front.calls(), clock, readiness }),
    close: async () => {
      log.info({ callsInFlight: admission.callsInFlight }, 'stopping');
      await listener.close();
      front.drain();
      events.close();
      health.close();
      const grace = sleep(clock, config.shutdownGraceMs);
      await Promise.race([admission.drain(), grace]);
      front.close();
      registry.stop();
      await memory.close();
      await Promise.race([streams.drain(), grace]);
      streams.close();
      await admin?.close();
      listeners.stop();
    },
  };
}
