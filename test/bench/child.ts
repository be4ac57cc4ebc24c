// A process the bench starts: its last output is kept for the case that it fails, and it ends with the bench.
import { type ChildProcess, spawn } from 'node:child_process';

const OUTPUT_KEPT_CHARACTERS = 4_000;
const KILL_AFTER_MS = 3_000;

/** A command line: the program and what it gets. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** True for a program of the bench that is talked to by Child.ask. */
  readonly hasIpc?: boolean;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  readonly pid: number;
  private readonly process: ChildProcess;
  private readonly ended: Promise<void>;
  private outputTail = '';

  private constructor(child: ChildProcess, pid: number) {
    this.process = child;
    this.pid = pid;
    running.add(child);
    const keep = (chunk: Buffer): void => {
      this.outputTail = (this.outputTail + chunk.toString()).slice(-OUTPUT_KEPT_CHARACTERS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        running.delete(child);
        resolve();
      });
    });
  }

  /** Starts the process. Throws when the program is not there. */
  static start(command: Command): Child {
    const stdio = ['ignore' as const, 'pipe' as const, 'pipe' as const];
    const child = spawn(command.program, [...command.args], {
      stdio: command.hasIpc === true ? [...stdio, 'ipc'] : stdio,
      serialization: 'advanced',
    });
    child.on('error', () => {}); // told by the missing pid, or by the exit
    if (child.pid === undefined) throw new Error(`cannot start ${command.program}`);
    return new Child(child, child.pid);
  }

  /** The end of what it wrote to stdout and stderr. */
  get output(): string {
    return this.outputTail.trim();
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Sends `question` to a child with ipc and resolves with its next answer; rejects when it ends instead. */
  ask<Answer>(question: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.process;
      const stopListening = (): void => {
        child.off('message', onMessage);
        child.off('exit', onExit);
      };
      const onMessage = (answer: unknown): void => {
        stopListening();
        resolve(answer as Answer);
      };
      const onExit = (): void => {
        stopListening();
        reject(new Error(`process ${this.pid} ended while it was asked: ${this.output}`));
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.send(question as object, (error) => {
        if (error !== null) onExit();
      });
    });
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.process.kill('SIGTERM');
    const killer = setTimeout(() => this.process.kill('SIGKILL'), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(killer);
  }
}
