// A small world in one process: simulated runtimes, a Switchyard in front of them, and a client on its socket.
import { rm } from 'node:fs/promises';
import { type Switchyard, startSwitchyard } from '../../src/app.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { BackendConfig, Config } from '../../src/config/config.ts';
import type { ProfileName } from '../../src/simulator/profile.ts';
import {
  type SimulatedRuntime,
  type SimulatedRuntimeOptions,
  startSimulatedRuntime,
} from '../../src/simulator/runtime.ts';
import type { Logger } from '../../src/telemetry/log.ts';
import { CriClient } from './cri-client.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** An image that every simulated runtime has from the start. */
export const SIMULATED_IMAGE = 'localhost/busybox:1.36';

/** A backend of the world: a simulated runtime and what the config says of it. */
export interface WorldBackend {
  readonly name: string;
  readonly profile: ProfileName;
  /** Exposed runtime handler to the backend's own; default: none but, on the first backend, the empty one. */
  readonly handlers?: Readonly<Record<string, string>>;
  readonly isolation?: BackendConfig['isolation'];
  readonly timeouts?: BackendConfig['timeouts'];
  readonly cgroupDriver?: BackendConfig['cgroupDriver'];
  /** Port in the stream URLs of its runtime. */
  readonly streamPort?: number;
  /** Do not start its runtime: its socket does not exist until the test makes one. */
  readonly isDown?: boolean;
  /** Further options of its simulated runtime. */
  readonly runtime?: Partial<SimulatedRuntimeOptions>;
}

export interface ProxyWorld extends AsyncDisposable {
  readonly dir: TempDir;
  readonly switchyard: Switchyard;
  readonly client: CriClient;
  readonly lines: readonly LogLine[];
  /** The simulated runtime behind a backend. */
  runtime(name: string): SimulatedRuntime;
  /** Path of a backend's own socket. */
  socketOf(name: string): string;
  /** A further client; closed with the world. */
  connect(options?: ConstructorParameters<typeof CriClient>[1]): CriClient;
  /** A client on a backend's own socket. */
  direct(name: string): CriClient;
  /** Stops a backend's runtime and starts another kind on its socket; resolves when that was met. */
  replaceRuntime(name: string, profile: ProfileName): Promise<void>;
  /**
   * Stops this Switchyard and starts another one on the same config, with `forgetting` without its state directory;
   * resolves when all backends but `down` are ready.
   */
  restart(down?: string, memory?: 'remembering' | 'forgetting'): Promise<void>;
}

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Starts the world; the first backend is the default one. Resolves when all backends that run are ready. */
export async function proxyWorld(
  backends: readonly WorldBackend[],
  change: (config: Config) => Config = (config) => config,
  clock: Clock = systemClock,
): Promise<ProxyWorld> {
  const dir = await tempDir();
  const runtimes = new Map<string, SimulatedRuntime>();
  for (const { name, profile, handlers, isDown, streamPort, runtime } of backends) {
    if (isDown) continue;
    const own = [...new Set(Object.values(handlers ?? {}))].filter((handler) => handler !== '');
    const socket = dir.file(`${name}.sock`);
    runtimes.set(
      name,
      await startSimulatedRuntime({
        profile,
        socket,
        ...runtime,
        ...(own.length > 0 && { handlers: own }),
        ...(streamPort !== undefined && { streamPort }),
      }),
    );
  }
  const config = change(configOf(dir, backends));
  const lines: LogLine[] = [];
  const log = recorder(lines);
  const clients: CriClient[] = [];
  let switchyard = await startSwitchyard({ config, log, clock });
  const client = new CriClient(config.listen.socket);
  const isReady = (down?: string) =>
    [...runtimes.keys()]
      .filter((name) => name !== down)
      .every((name) =>
        lines.some(({ text, fields }) => text === 'backend is ready' && fields['backend'] === name),
      );
  await until(() => isReady(), 'all backends are ready');
  return {
    dir,
    client,
    lines,
    get switchyard() {
      return switchyard;
    },
    runtime(name) {
      const runtime = runtimes.get(name);
      if (runtime === undefined) throw new Error(`no runtime runs behind backend ${name}`);
      return runtime;
    },
    socketOf: (name) => dir.file(`${name}.sock`),
    connect(options) {
      const further = new CriClient(config.listen.socket, options);
      clients.push(further);
      return further;
    },
    direct: (name) => new CriClient(dir.file(`${name}.sock`)),
    async replaceRuntime(name, profile) {
      await runtimes.get(name)?.close();
      const seen = lines.length;
      runtimes.set(name, await startSimulatedRuntime({ profile, socket: dir.file(`${name}.sock`) }));
      const isMet = ({ text, fields }: LogLine) => text === 'backend is ready' && fields['backend'] === name;
      await until(() => lines.slice(seen).some(isMet), `the new runtime of ${name} is met`);
    },
    async restart(down, memory = 'remembering') {
      await switchyard.close();
      if (memory === 'forgetting') await rm(config.stateDir, { recursive: true });
      lines.length = 0;
      switchyard = await startSwitchyard({ config, log, clock });
      await until(() => isReady(down), 'all backends are ready again');
    },
    async [Symbol.asyncDispose]() {
      for (const one of [client, ...clients]) one.close();
      await switchyard.close();
      for (const runtime of runtimes.values()) await runtime.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** The config of such a world. */
export function configOf(dir: TempDir, backends: readonly WorldBackend[]): Config {
  return {
    listen: { socket: dir.file('cri.sock'), mode: 0o600, group: undefined },
    admin: undefined,
    stateDir: dir.file('state'),
    runtimeName: undefined,
    annotation: undefined,
    backends: backends.map(({ name, handlers, isolation, timeouts, cgroupDriver, runtime }, position) => ({
      name,
      socket: dir.file(`${name}.sock`),
      imageSocket: runtime?.imageSocket,
      isDefault: position === 0,
      isolation: isolation ?? 'shared',
      handlers: new Map(Object.entries({ ...(position === 0 && { '': '' }), ...handlers })),
      cgroupDriver,
      timeouts: timeouts ?? { listMs: 2_000, statusMs: 1_500 },
      streamingBase: undefined,
    })),
    rules: [],
    streamRelay: undefined,
    events: { isServed: true, periodMs: 50 },
    limits: { messageSizeBytes: 16 * 1024 * 1024, callsInFlight: 5_000 },
    shutdownGraceMs: 1_000,
    log: { level: 'info', format: 'json' },
  };
}

/** A log that keeps its lines. */
export function recorder(lines: LogLine[]): Logger {
  const at = (level: string) => (fields: unknown, text?: string) => {
    if (typeof fields === 'string') lines.push({ level, fields: {}, text: fields });
    else lines.push({ level, fields: fields as Record<string, unknown>, text: text ?? '' });
  };
  const log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isLevelEnabled: () => true,
    child: () => log,
  } as unknown as Logger;
  return log;
}
