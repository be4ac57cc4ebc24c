// The built program as a child process, with what it printed so far.
import { type ChildProcess, spawn } from 'node:child_process';
import { builtProgram } from '../../support/built-program.ts';
import { until } from '../../support/until.ts';

export interface ProgramOptions {
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another script than the built program. */
  readonly script?: string;
  /** Where standard output and standard error go; what goes nowhere else is in `out` and `err`. */
  readonly stdout?: 'pipe' | number;
  readonly stderr?: 'pipe' | number;
  /** A line of shell that comes before it, e.g. `ulimit -n 64`. */
  readonly before?: string;
  /** A shell's redirection, e.g. `>&-`. */
  readonly redirection?: string;
}

/** A run of the program. At the end of its block it is killed if it still runs. */
export class Program implements AsyncDisposable {
  out = '';
  err = '';
  /** Exit code, or the name of the signal that killed it; undefined while it runs. */
  ending: number | string | undefined;
  readonly ended: Promise<number | string>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    const {
      env = {},
      script = builtProgram(),
      stdout = 'pipe',
      stderr = 'pipe',
      before = ':',
      redirection = '',
    } = options;
    const shell = ['-c', `${before}; exec "$0" "$@" ${redirection}`];
    this.child = spawn('sh', [...shell, process.execPath, script, ...args], {
      stdio: ['ignore', stdout, stderr],
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

  get pid(): number {
    return this.child.pid ?? -1;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ending === undefined) this.signal('SIGKILL');
    await this.ended;
  }
}
