// Holds back the log while a result is being shown.
import type { LineSink } from '../telemetry/log-sink.ts';

/** Keeps lines until it is told what to do with them; at its end it passes on what it still has. */
export class HeldOutput implements LineSink, Disposable {
  readonly #output: LineSink;
  #held: string[] = [];
  #mode: 'holding' | 'passing' | 'muted' = 'holding';

  constructor(output: LineSink) {
    this.#output = output;
  }

  write(line: string): void {
    if (this.#mode === 'passing') this.#output.write(line);
    else if (this.#mode === 'holding') this.#held.push(line);
  }

  /** Forgets the lines held so far. */
  drop(): void {
    this.#held = [];
  }

  /** Writes the lines held so far, and each further one as it comes. */
  pass(): void {
    this.#mode = 'passing';
    for (const line of this.#held.splice(0)) this.#output.write(line);
  }

  /** Forgets the lines held so far and all that come: the log is not needed any more. */
  mute(): void {
    this.#mode = 'muted';
    this.#held = [];
  }

  [Symbol.dispose](): void {
    if (this.#mode === 'holding') this.pass();
  }
}
