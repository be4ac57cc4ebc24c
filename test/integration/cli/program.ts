// The built program as a child process, with what it printed so far.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

export interface ProgramOptions {
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another script than the built program. */
  readonly script?: string;
}

/** A run of the program. At the end of its block it is killed if it still runs. */
export class Program implements AsyncDisposable {
  out = '';
  err = '';
  /** Exit code, or the name of the signal that killed it; undefined while it runs. */
  ending: number | string | undefined;
  readonly ended: Promise<number | string>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], { env = {}, script = PROGRAM }: ProgramOptions = {}) {
    if (!existsSync(script)) throw new Error(`${script} is missing: run npm run build`);
    this.child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => {
      // close, not exit: all output has been read by then.
      this.child.once('close', (code, signal) => {
        this.ending = code ?? signal ?? 'unknown';
        resolve(this.ending);
      });
    });
  }

  /** Resolves when `text` stands on standard output; throws when the program ends before. */
  async prints(text: string): Promise<void> {
    await until(() => this.out.includes(text) || this.ending !== undefined, `the program prints ${text}`);
    if (!this.out.includes(text))
      throw new Error(`ended with ${this.ending} before it printed ${text}:\n${this.err}`);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ending === undefined) this.signal('SIGKILL');
    await this.ended;
  }
}
