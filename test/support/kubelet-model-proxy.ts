// Switchyard under a model test, in two forms: inside the test's process, which is quick, and as a process of its own,
// which can really be killed. Both keep their state directory from one life to the next.
import { cpSync, existsSync, lstatSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { type Switchyard, startSwitchyard } from '../../src/app.ts';
import type { Clock } from '../../src/clock.ts';
import type { Config } from '../../src/config/config.ts';
import { builtProgram } from './built-program.ts';
import { Daemon } from './daemon.ts';
import { type LogLine, recorder } from './proxy-world.ts';
import type { TempDir } from './temp-dir.ts';

/** `stop`: asked to end, and given the time for it. `kill`: gone in an instant. */
export type Ending = 'stop' | 'kill';

export interface ModelProxy {
  readonly socket: string;
  /** Where its next life finds what this one knew. */
  readonly stateDir: string;
  /** Ends it; with `kill` nothing that it has not written by now will ever be. Its clients must have left. */
  end(how: Ending): Promise<void>;
  /** Starts it again on what the last life left in the state directory. */
  start(): Promise<void>;
}

/** Runs inside the test's process. `lines` gets what it logs. */
export class InnerProxy implements ModelProxy {
  private readonly clock: Clock;
  private readonly lines: LogLine[];
  private config: Config;
  private switchyard: Switchyard | undefined;
  private deaths = 0;

  constructor(config: Config, clock: Clock, lines: LogLine[]) {
    this.config = config;
    this.clock = clock;
    this.lines = lines;
  }

  get socket(): string {
    return this.config.listen.socket;
  }

  get stateDir(): string {
    return this.config.stateDir;
  }

  async start(): Promise<void> {
    const { config, clock } = this;
    this.switchyard = await startSwitchyard({ config, clock, log: recorder(this.lines) });
  }

  async end(how: Ending): Promise<void> {
    const { stateDir } = this.config;
    if (how === 'kill' && existsSync(stateDir)) {
      // A part of our own process cannot be killed. So the next life gets the files as they are at this moment, and
      // whatever this one still writes on its way out is lost, as if it had not been there to write it.
      const copy = `${stateDir}-${++this.deaths}`;
      cpSync(stateDir, copy, { recursive: true, filter: (source) => !lstatSync(source).isSocket() });
      this.config = { ...this.config, stateDir: copy };
    }
    await this.switchyard?.close();
    this.switchyard = undefined;
  }
}

/** Runs as a process of its own, from the built program. */
export class OuterProxy implements ModelProxy {
  readonly socket: string;
  readonly stateDir: string;
  private readonly configFile: string;
  private readonly logFile: string;
  private daemon: Daemon | undefined;

  constructor(dir: TempDir, config: Config) {
    this.socket = config.listen.socket;
    this.stateDir = config.stateDir;
    this.configFile = dir.file('config.yaml');
    this.logFile = dir.file('log');
    // The config is YAML, and JSON is YAML.
    writeFileSync(
      this.configFile,
      JSON.stringify({
        apiVersion: 'switchyard.dev/v1alpha1',
        kind: 'SwitchyardConfiguration',
        listen: { socket: this.socket, mode: '0600' },
        stateDir: config.stateDir,
        shutdownGrace: `${config.shutdownGraceMs}ms`,
        backends: config.backends.map(({ name, socket, isDefault, handlers, timeouts }) => ({
          name,
          endpoint: `unix://${socket}`,
          default: isDefault,
          handlers: Object.fromEntries(handlers),
          timeouts: { list: `${timeouts.listMs}ms`, status: `${timeouts.statusMs}ms` },
        })),
      }),
    );
  }

  async start(): Promise<void> {
    this.daemon = await Daemon.start({
      name: 'switchyard',
      command: process.execPath,
      args: [builtProgram(), 'serve', '--config', this.configFile],
      logFile: this.logFile,
      isReady: () => isServed(this.socket),
    });
  }

  async end(how: Ending): Promise<void> {
    if (how === 'kill') await this.daemon?.kill();
    else await this.daemon?.stop();
  }
}

function isServed(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
