// Switchyard as its users run it: the built program as a child process, with a config made for the test.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { builtProgram } from './built-program.ts';
import { CriClient } from './cri-client.ts';
import { Daemon, type Exit } from './daemon.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const TOO_MANY_SCRAPES = 503;

/** The parts of a config that a test chooses; sockets, folders and the admin address are made. */
export interface SwitchyardSettings {
  /** A folder of its own, made when missing; short, because the socket is in it. */
  readonly dir: string;
  /** As in the config file. */
  readonly backends: readonly Readonly<Record<string, unknown>>[];
  /** As in the config file. */
  readonly rules?: readonly Readonly<Record<string, unknown>>[];
  /** Further keys of the config file. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors that the process may have; default: as many as the test. */
  readonly descriptors?: number;
}

export class SwitchyardProcess implements AsyncDisposable {
  readonly socket: string;
  readonly configFile: string;
  private readonly admin: string;
  /** Where it keeps what outlives it. */
  readonly stateDir: string;
  private readonly logFile: string;
  private readonly env: Readonly<Record<string, string>>;
  private readonly descriptors: number | undefined;
  private running: Daemon | undefined;

  private constructor(dir: string, admin: string, settings: SwitchyardSettings) {
    this.socket = path.join(dir, 'cri.sock');
    this.configFile = path.join(dir, 'config.yaml');
    this.stateDir = path.join(dir, 'state');
    this.logFile = path.join(dir, 'log');
    this.admin = admin;
    this.env = settings.env ?? {};
    this.descriptors = settings.descriptors;
  }

  /** Writes the config and starts the program; it is ready when this resolves. */
  static async start(settings: SwitchyardSettings): Promise<SwitchyardProcess> {
    const { dir, backends, rules, more } = settings;
    mkdirSync(dir, { recursive: true });
    const admin = `127.0.0.1:${await freePort()}`;
    const switchyard = new SwitchyardProcess(dir, admin, settings);
    const config = {
      apiVersion: 'switchyard.dev/v1alpha1',
      kind: 'SwitchyardConfiguration',
      listen: { socket: switchyard.socket },
      admin: { address: admin },
      stateDir: switchyard.stateDir,
      backends,
      ...(rules === undefined ? {} : { rules }),
      ...more,
    };
    // The config is YAML, and JSON is YAML.
    writeFileSync(switchyard.configFile, JSON.stringify(config, undefined, 2));
    await switchyard.startAgain();
    return switchyard;
  }

  /**
   * Starts the program with the same config, after it was stopped or killed; resolves when it is ready, which takes a
   * list or a snapshot of each backend, or with phase `serving` when it takes calls.
   */
  async startAgain(phase: 'ready' | 'serving' = 'ready'): Promise<void> {
    const route = phase === 'ready' ? '/readyz' : '/livez';
    const command = [process.execPath, builtProgram(), 'serve', '--config', this.configFile];
    const limited = ['-c', `ulimit -n ${this.descriptors}; exec "$@"`, 'bash', ...command];
    this.running = await Daemon.start({
      name: 'switchyard',
      command: this.descriptors === undefined ? process.execPath : 'bash',
      args: this.descriptors === undefined ? command.slice(1) : limited,
      env: this.env,
      logFile: this.logFile,
      isReady: async () => (await this.ask(route).catch(() => undefined))?.ok === true,
    });
  }

  get adminPort(): number {
    return Number(this.admin.split(':')[1]);
  }

  get pid(): number {
    return this.daemon.pid;
  }

  /** A client of its socket, with a connection of its own. */
  connect(version: 'v1' | 'v1alpha2' = 'v1', authority = 'localhost'): CriClient {
    return new CriClient(this.socket, { version, authority });
  }

  /** Its Prometheus metrics as text; a test that asks more often than it answers waits. Throws on any other refusal. */
  async metrics(): Promise<string> {
    let answer = await this.ask('/metrics');
    await until(async () => {
      if (answer.status === TOO_MANY_SCRAPES) answer = await this.ask('/metrics');
      return answer.status !== TOO_MANY_SCRAPES;
    }, '/metrics is answered');
    if (!answer.ok) throw new Error(`/metrics is answered with ${answer.status}: ${await answer.text()}`);
    return answer.text();
  }

  /** What /readyz says. */
  async readiness(): Promise<string> {
    return (await this.ask('/readyz')).text();
  }

  /** The last lines of its log. */
  logTail(lines?: number): string {
    return this.daemon.logTail(lines);
  }

  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<Exit> {
    return this.daemon.stop();
  }

  /** SIGKILL: no chance to tidy up. */
  kill(): Promise<Exit> {
    return this.daemon.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running?.isRunning === true) await this.running.stop();
  }

  private get daemon(): Daemon {
    if (this.running === undefined) throw new Error('switchyard was not started');
    return this.running;
  }

  private ask(route: string): Promise<Response> {
    return fetch(`http://${this.admin}${route}`, { signal: AbortSignal.timeout(5_000) });
  }
}
