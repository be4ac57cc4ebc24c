// Which backends have statistics of pods (PodSandboxStats and its lists). A kubelet that is told UNIMPLEMENTED takes those
// of containers and cAdvisor's instead, and one of 1.37 asks once, when it starts, and stays with the answer. So the answer
// must not depend on who is away: what each backend said last is kept, over restarts too. Why so: docs/decisions/0019.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { Clock } from '../clock.ts';
import { encodeIdFilter } from '../cri/own-messages.ts';
import { UnimplementedError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { ConnectionQuestion } from './connection-question.ts';
import { lacksRpc } from './lacks-rpc.ts';

const RPC = 'ListPodSandboxStats';
/** No runtime has it: a list of nothing costs nothing. */
const NO_POD = encodeIdFilter('0'.repeat(64));
/** What is kept of a backend's answer: the figures would be old when they are needed. */
const HAS = Buffer.from('has');
const LACKS = Buffer.from('lacks');
const HINT = 'The kubelet takes the statistics of containers, and cAdvisor, for all pods then';

export class PodStatsSupport {
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly question: ConnectionQuestion;

  constructor(clock: Clock, log: Logger) {
    this.clock = clock;
    this.log = log;
    const learn = (backend: Backend, outcome: UnaryOutcome) => this.learn(backend, outcome);
    this.question = new ConnectionQuestion({ rpc: RPC, request: NO_POD, learn });
  }

  /** A backend's state has turned: one that is ready is asked, for it may be of another version now. */
  onState(backend: Backend, state: BackendState): void {
    this.question.onState(backend, state);
  }

  /**
   * Learns from an answer to ListPodSandboxStats, whoever asked; false when it says nothing. No error but UNIMPLEMENTED
   * does: a runtime may end all calls so while it starts, also those that it lacks.
   */
  learn(backend: Backend, outcome: UnaryOutcome): boolean {
    const isLacking = lacksRpc(outcome);
    if (outcome.kind !== 'answered' && !isLacking) return false;
    const said = isLacking ? LACKS : HAS;
    if (backend.snapshot.kept(RPC)?.message.equals(said)) return true;
    backend.snapshot.keep(RPC, said, this.clock.now());
    if (isLacking)
      this.log.info({ backend: backend.name, hint: HINT }, 'a backend has no statistics of pods');
    return true;
  }

  /** Whether it has said that it has none. */
  isLacking({ snapshot }: Backend): boolean {
    return snapshot.kept(RPC)?.message.equals(LACKS) ?? false;
  }

  /**
   * Why there are none of all these backends; undefined when there are. One that has never said it counts as one without:
   * a kubelet that takes another way has the figures of all pods, one that does not would lack those of its pods. One that
   * lacked them and has not said so on this connection is asked again, for the next call.
   */
  async gapOf(backends: readonly Backend[]): Promise<UnimplementedError | undefined> {
    const present = backends.filter((backend) => !backend.isAbsent);
    const lacking = present.filter((backend) => this.isLacking(backend));
    const unknown = present.filter((backend) => !this.isKnown(backend));
    if (lacking.length > 0) void this.question.prepare(lacking);
    else if (unknown.length > 0 && !backends.some((backend) => this.isLacking(backend)))
      await this.question.prepare(unknown);
    return this.knownGapOf(backends);
  }

  /** As gapOf, without asking anybody. A single one that has never said it says it now. */
  knownGapOf(backends: readonly Backend[]): UnimplementedError | undefined {
    const lacking = backends.find((backend) => this.isLacking(backend));
    if (lacking !== undefined)
      return new UnimplementedError(`backend ${lacking.name} has no statistics of pods`, { hint: HINT });
    const unknown = backends.length === 1 ? undefined : backends.find((backend) => !this.isKnown(backend));
    if (unknown === undefined) return undefined;
    const message = `backend ${unknown.name} has never said whether it has statistics of pods`;
    return new UnimplementedError(message, { hint: HINT });
  }

  private isKnown({ snapshot }: Backend): boolean {
    return snapshot.kept(RPC) !== undefined;
  }
}
