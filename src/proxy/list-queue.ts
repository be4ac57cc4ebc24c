// Lists of one client that wait for their turn. A client may start thousands at once, each of which would hold megabytes of
// replies; they begin while there is room for what they will bring, in the order in which they came. No queue is longer
// than a connection has streams.
import type { Clock, Timer } from '../clock.ts';
import { OverloadedError } from '../errors.ts';
import type { BudgetShare } from '../http2/shared-budget.ts';
import type { Call } from './call.ts';
import { UNREAD } from './call-reply.ts';
import type { ListSizes } from './list-sizes.ts';

/** Lists leave so much of what all connections may hold to other calls. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** Who holds no more than this never waits: it might wait for a room that others never make. */
const LITTLE_BYTES = 64 * 1024;

/** When none could begin for so long, the client does not read, or the backends do not answer. */
const STUCK_MS = 30_000;

const LOOK_AGAIN_MS = 250;

interface Waiting {
  /** Asked when it is its turn: earlier lists may have told more. */
  readonly sizes: ListSizes;
  readonly serve: () => void | Promise<void>;
}

/** The lists of one connection. */
export class ListQueue {
  private readonly shareOf: () => BudgetShare;
  private readonly clock: Clock;
  /** In the order in which they came; undefined while none waits. */
  private waiting: Map<Call, Waiting> | undefined;
  private isScheduled = false;
  /** When the last one began, or the first came. */
  private movedAtMs = 0;
  private timer: Timer | undefined;

  constructor(shareOf: () => BudgetShare, clock: Clock) {
    this.shareOf = shareOf;
    this.clock = clock;
  }

  /** Whether a list may begin now; room for what it is expected to bring is then reserved. */
  admits(call: Call, sizes: ListSizes): boolean {
    return this.waiting === undefined && this.takeRoom(call, sizes);
  }

  /** `serve` is called when it may begin, unless the client leaves or its deadline passes before. */
  add(call: Call, sizes: ListSizes, serve: () => void | Promise<void>): void {
    if (this.waiting === undefined) {
      this.waiting = new Map();
      this.shareOf().onLess = () => this.schedule();
      this.movedAtMs = this.clock.now();
      this.watch();
    }
    this.waiting.set(call, { sizes, serve });
    call.onLeave(() => {
      if (this.waiting?.delete(call)) this.schedule(); // the next may be shorter
    });
  }

  // Room that is not there is not reserved: what comes is counted then, and refused when there is none.
  private takeRoom(call: Call, sizes: ListSizes): boolean {
    const share = this.shareOf();
    const sizeBytes = sizes.expected(call.rpc);
    if (share.allows(sizeBytes, SPARE_BYTES)) call.reserve(sizeBytes);
    else if (share.used > LITTLE_BYTES) return false;
    return true;
  }

  /** Not at once: room is made in the midst of other work. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.serveWaiting();
    });
  }

  private serveWaiting(): void {
    for (const [call, { sizes, serve }] of this.waiting ?? []) {
      if (!this.takeRoom(call, sizes)) return;
      this.waiting?.delete(call);
      this.movedAtMs = this.clock.now();
      begin(call, serve);
    }
    this.waiting = undefined;
    this.shareOf().onLess = undefined;
    this.timer?.cancel();
  }

  /** Others may have made room, which nobody says here. */
  private watch(): void {
    this.timer = this.clock.after(LOOK_AGAIN_MS, () => {
      this.watch();
      this.serveWaiting();
      if (this.clock.now() - this.movedAtMs >= STUCK_MS) this.refuseWaiting();
    });
  }

  private refuseWaiting(): void {
    const hint = 'The client must read the replies it asked for';
    for (const call of [...(this.waiting?.keys() ?? [])]) call.fail(new OverloadedError(UNREAD, { hint }));
  }
}

function begin(call: Call, serve: () => void | Promise<void>): void {
  try {
    serve()?.catch((error: unknown) => call.fail(error));
  } catch (error) {
    call.fail(error);
  }
}
