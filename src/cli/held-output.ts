// Holds back the log while a result is being shown.
import type { LineSink } from '../telemetry/log.ts';

/** Keeps lines until it is told to pass them on or to drop them; from `pass` on they go through. */
export class HeldOutput implements LineSink, Disposable {
  readonly #output: LineSink;
  #held: string[] | undefined = [];

  constructor(output: LineSink) {
    this.#output = output;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#output.write(line);
    else this.#held.push(line);
  }

  /** Forgets the lines held so far. */
  drop(): void {
    if (this.#held !== undefined) this.#held = [];
  }

  /** Writes the lines held so far, and each further one as it comes. */
  pass(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.#output.write(line);
  }

  [Symbol.dispose](): void {
    this.pass();
  }
}
