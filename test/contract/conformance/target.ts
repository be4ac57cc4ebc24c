// What the conformance suite runs against: any server of CRI. A target says how to reach it and which pods it can run;
// the suite knows no other difference between a simulated runtime, a real one and Switchyard.
import { CriClient, type CriClientOptions, type RawReply } from '../../support/cri-client.ts';
import type { Rpc } from '../../support/cri-codec.ts';
import type { Traits } from './traits.ts';

/** A runtime that pods can be run on through a target. Through Switchyard there may be several. */
export interface Place {
  readonly name: string;
  /** What a RunPodSandbox names to get there. */
  readonly handler: string;
  /** The runtime's own name for it. */
  readonly ownHandler: string;
  /** What a client of the target sees of it. */
  readonly traits: Traits;
}

/** A running server with what the tests need to know of it. */
export interface Target {
  /** Its client. Another one after Switchyard was started again. */
  readonly cri: RecordingClient;
  /** What was called so far. */
  readonly calls: CallRecord;
  /** One more client with a connection of its own. */
  connect(): CriClient;
  /** An image that all its runtimes have. */
  readonly image: string;
  /** An image that a pull finds, whose user is 1000; no runtime has it yet. */
  readonly pullable: string;
  /** The cgroup parent of its pods. */
  readonly cgroupParent: string;
  /** A folder for the logs of its pods. */
  readonly logs: string;
  /** Lets time pass where the runtimes stand on a clock of the test; nothing elsewhere. */
  pass(spanMs: number): void;
}

/** What is known of a target before it runs, for tests are defined then. */
export interface Plan {
  /** All runtimes it leads to, the default one first. */
  readonly places: readonly Place[];
  readonly target: () => Target;
}

/** The calls that a target got, for the test that all RPCs were among them. */
export class CallRecord {
  private readonly codes = new Map<string, Set<number>>();

  add(rpc: string, code: number): void {
    const codes = this.codes.get(rpc) ?? new Set();
    this.codes.set(rpc, codes.add(code));
  }

  /** The RPCs that were called and answered, whatever the answer. */
  get called(): string[] {
    return [...this.codes.keys()];
  }

  /** The RPCs that went well at least once. */
  get succeeded(): string[] {
    return [...this.codes].filter(([, codes]) => codes.has(0)).map(([rpc]) => rpc);
  }
}

/** A client that keeps a record of its calls. */
export class RecordingClient extends CriClient {
  private readonly record: CallRecord;

  constructor(socket: string, record: CallRecord, options?: CriClientOptions) {
    super(socket, options);
    this.record = record;
  }

  override async rawCall(...args: Parameters<CriClient['rawCall']>): Promise<RawReply> {
    const reply = await super.rawCall(...args);
    this.record.add(args[0].slice(args[0].lastIndexOf('/') + 1), reply.code);
    return reply;
  }

  override async *stream<R extends Rpc>(
    ...args: Parameters<typeof CriClient.prototype.stream<R>>
  ): ReturnType<typeof CriClient.prototype.stream<R>> {
    const [rpc] = args;
    for await (const message of super.stream(...args)) {
      this.record.add(rpc, 0);
      yield message;
    }
    this.record.add(rpc, 0);
  }
}
