// A process the bench starts: its last output is kept for the case that it fails, and it ends with the bench.
import { type ChildProcess, spawn } from 'node:child_process';

const OUTPUT_KEPT_CHARACTERS = 4_000;
const KILL_AFTER_MS = 3_000;

/** A command line: the program and what it gets. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** How Child.ask talks to it, if it is a program of the bench: by Node's ipc, or by lines of JSON on stdin and stdout. */
  readonly talk?: 'ipc' | 'lines';
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Child {
  readonly pid: number;
  private readonly process: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly talk: 'ipc' | 'lines' | undefined;
  private outputTail = '';

  private constructor(child: ChildProcess, pid: number, talk: 'ipc' | 'lines' | undefined) {
    this.process = child;
    this.pid = pid;
    this.talk = talk;
    running.add(child);
    const keep = (chunk: Buffer): void => {
      this.outputTail = (this.outputTail + chunk.toString()).slice(-OUTPUT_KEPT_CHARACTERS);
    };
    if (talk === 'lines') this.readLines();
    else child.stdout?.on('data', keep);
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
    const { program, args, talk } = command;
    const stdin = talk === 'lines' ? 'pipe' : 'ignore';
    const child = spawn(program, [...args], {
      stdio: talk === 'ipc' ? [stdin, 'pipe', 'pipe', 'ipc'] : [stdin, 'pipe', 'pipe'],
      serialization: 'advanced',
    });
    child.on('error', () => {}); // told by the missing pid, or by the exit
    if (child.pid === undefined) throw new Error(`cannot start ${program}`);
    return new Child(child, child.pid, talk);
  }

  /** The end of what it wrote to stdout and stderr. */
  get output(): string {
    return this.outputTail.trim();
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Sends `question` to a child that talks and resolves with its next answer; rejects when it ends instead. */
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
      if (this.talk === 'lines') child.stdin?.write(`${JSON.stringify(question)}\n`);
      else
        child.send(question as object, (error) => {
          if (error !== null) onExit();
        });
    });
  }

  /** Turns each line of its stdout into what ipc would have brought. */
  private readLines(): void {
    let rest = '';
    this.process.stdin?.on('error', () => {}); // told by its exit
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.process.emit('message', JSON.parse(line), undefined as never);
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
