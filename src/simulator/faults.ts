// Scripted faults: what a test tells a simulated runtime to do wrong, for which RPC and for how many calls.

import type { StatusName } from '../errors.ts';

/** Before the RPC did its work, or after it, when only the answer is still to be sent. */
export type FaultMoment = 'before' | 'after';

/** One way of going wrong. `when` is `before` unless said otherwise. */
export type Fault =
  /** The call takes longer. */
  | { readonly kind: 'delay'; readonly delayMs: number; readonly when?: FaultMoment }
  /** The call stands still until the fault is cleared or the client leaves; then it goes on. */
  | { readonly kind: 'hang'; readonly when?: FaultMoment }
  /** The call is refused; `metadata` goes into the trailers (names that end in -bin take bytes). */
  | {
      readonly kind: 'refuse';
      readonly status: StatusName;
      readonly message: string;
      readonly metadata?: Readonly<Record<string, string | Buffer>>;
    }
  /** As a runtime whose API lacks the RPC. */
  | { readonly kind: 'unimplemented' }
  /** All connections are cut; new ones are taken at once. With `after` the state has changed and the answer is lost. */
  | { readonly kind: 'cut'; readonly when?: FaultMoment }
  /** The process is gone: as `cut`, but nobody listens until restart(). */
  | { readonly kind: 'crash'; readonly when?: FaultMoment }
  /** The call goes well and carries more metadata, at its start and at its end. */
  | {
      readonly kind: 'metadata';
      readonly initial?: Readonly<Record<string, string | Buffer>>;
      readonly trailing?: Readonly<Record<string, string | Buffer>>;
    };

/** A fault in force. */
export interface ActiveFault {
  readonly fault: Fault;
  /** Calls it has met so far. */
  readonly hits: number;
  /** Takes it back; calls that hang because of it go on. */
  clear(): void;
  /** Resolves when the fault was cleared. */
  readonly cleared: Promise<void>;
}

class Script implements ActiveFault {
  readonly rpc: string;
  readonly fault: Fault;
  readonly cleared: Promise<void>;
  hits = 0;
  remaining: number;
  readonly #faults: Set<Script>;
  #resolve: () => void = () => undefined;

  constructor(faults: Set<Script>, rpc: string, fault: Fault, calls: number) {
    this.#faults = faults;
    this.rpc = rpc;
    this.fault = fault;
    this.remaining = calls;
    this.cleared = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    faults.add(this);
  }

  clear(): void {
    this.#faults.delete(this);
    this.#resolve();
  }

  take(): void {
    this.hits++;
    this.remaining--;
    // The set lets it go, but it is not cleared: a call that hangs by it hangs on.
    if (this.remaining <= 0) this.#faults.delete(this);
  }
}

/** The faults of one simulated runtime. */
export class Faults {
  readonly #scripts = new Set<Script>();
  readonly #all = new Set<Script>();

  /** Puts a fault in force for an RPC by name, or for all with `*`; for the next `calls` calls, or until cleared. */
  add(rpc: string, fault: Fault, options: { readonly calls?: number } = {}): ActiveFault {
    const script = new Script(this.#scripts, rpc, fault, options.calls ?? Number.POSITIVE_INFINITY);
    this.#all.add(script);
    void script.cleared.then(() => this.#all.delete(script));
    return script;
  }

  /** Clears the faults of an RPC (those for `*` stay), or all. */
  clear(rpc?: string): void {
    for (const script of [...this.#all]) if (rpc === undefined || script.rpc === rpc) script.clear();
  }

  /** The faults a call of this RPC meets, in the order they were added; counts the call. */
  meet(rpc: string): ActiveFault[] {
    if (this.#scripts.size === 0) return [];
    const met = [...this.#scripts].filter((script) => script.rpc === rpc || script.rpc === '*');
    for (const script of met) script.take();
    return met;
  }
}
