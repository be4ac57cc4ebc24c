// A program that a test keeps running: in a session of its own, its output in a file, ended by its process id.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

export interface DaemonOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where stdout and stderr go, appended. */
  readonly logFile: string;
  /** Whether the program serves now; asked until it says yes. */
  readonly isReady: () => boolean | Promise<boolean>;
  readonly readyTimeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Daemon implements AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly exited: Promise<Exit>;
  readonly logFile: string;
  private readonly name: string;
  private exit: Exit | undefined;

  private constructor(child: ChildProcess, options: DaemonOptions) {
    if (child.pid === undefined) throw new Error(`${options.name}: no process`);
    this.pid = child.pid;
    this.name = options.name;
    this.logFile = options.logFile;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
  }

  /** Starts the program and waits until it is ready; throws with the end of its log when that does not come. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const log = openSync(options.logFile, 'a');
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const daemon = new Daemon(child, options);
    const timeoutMs = options.readyTimeoutMs ?? 20_000;
    try {
      await until(
        async () => daemon.exit !== undefined || (await options.isReady()),
        'it is ready',
        timeoutMs,
      );
      if (daemon.exit !== undefined) throw new Error(`it ended: ${JSON.stringify(daemon.exit)}`);
    } catch (cause) {
      await daemon.kill();
      throw new Error(`${options.name} did not start; the end of its log:\n${daemon.logTail()}`, { cause });
    }
    return daemon;
  }

  get isRunning(): boolean {
    return this.exit === undefined;
  }

  /** The last lines it wrote. */
  logTail(lines = 25): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    if (this.exit === undefined) process.kill(this.pid, signal);
  }

  /** Asks it to end (SIGTERM) and waits; throws when it still runs after `timeoutMs`, and then kills it. */
  async stop(timeoutMs = 15_000): Promise<Exit> {
    this.signal('SIGTERM');
    try {
      await until(() => !this.isRunning, `${this.name} has ended`, timeoutMs);
    } catch (cause) {
      await this.kill();
      throw new Error(`${this.name} did not end on SIGTERM; the end of its log:\n${this.logTail()}`, {
        cause,
      });
    }
    return this.exited;
  }

  /** Ends it at once (SIGKILL). */
  kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
