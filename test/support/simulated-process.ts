// A simulated runtime in a process of its own, as `switchyard simulate` runs it, so that it can be killed and stopped
// like a real one. Its pods live in its memory: started again it is an empty runtime.
import { existsSync } from 'node:fs';
import type { ProfileName } from '../../src/simulator/profile.ts';
import { builtProgram } from './built-program.ts';
import { CriClient } from './cri-client.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { pause, resume } from './signalled-process.ts';

export interface SimulatedProcessOptions {
  readonly name: string;
  readonly profile: ProfileName;
  readonly socket: string;
  readonly logFile: string;
}

export class SimulatedProcess implements AsyncDisposable {
  readonly name: string;
  readonly socket: string;
  /** A client of its own socket: to see what really is there. */
  readonly cri: CriClient;
  private readonly settings: DaemonOptions;
  private daemon: Daemon;

  private constructor(
    options: SimulatedProcessOptions,
    cri: CriClient,
    settings: DaemonOptions,
    daemon: Daemon,
  ) {
    this.name = options.name;
    this.socket = options.socket;
    this.cri = cri;
    this.settings = settings;
    this.daemon = daemon;
  }

  /** Starts one; it serves when this resolves. */
  static async start(options: SimulatedProcessOptions): Promise<SimulatedProcess> {
    const { name, profile, socket, logFile } = options;
    const cri = new CriClient(socket);
    const settings: DaemonOptions = {
      name: `simulated runtime ${name}`,
      command: process.execPath,
      args: [builtProgram(), 'simulate', '--profile', profile, '--socket', socket],
      logFile,
      isReady: async () => existsSync(socket) && (await answers(cri)),
    };
    return new SimulatedProcess(options, cri, settings, await Daemon.start(settings));
  }

  get pid(): number {
    return this.daemon.pid;
  }

  /** SIGKILL; resolves when it is gone. Its socket file stays. */
  async kill(): Promise<void> {
    await this.daemon.kill();
  }

  /** SIGTERM: it ends in peace, and its socket file with it. */
  async stop(): Promise<void> {
    await this.daemon.stop();
  }

  /** Starts it again, empty. */
  async startAgain(): Promise<void> {
    this.daemon = await Daemon.start(this.settings);
  }

  pause(): Promise<void> {
    return pause(this.pid);
  }

  resume(): void {
    resume(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cri.close();
    if (!this.daemon.isRunning) return;
    this.resume();
    await this.daemon.kill();
  }
}

async function answers(cri: CriClient): Promise<boolean> {
  return cri.call('Version', {}, { deadlineMs: 1_000 }).then(
    () => true,
    () => false,
  );
}
