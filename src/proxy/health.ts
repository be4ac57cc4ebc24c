// grpc.health.v1.Health on the CRI socket, for node agents that look there rather than at /readyz: both say the same. It
// is the one service here that is not CRI's, so it has no rows; dispatch.ts asks it for its paths.

import type { Clock } from '../clock.ts';
import { readString } from '../cri/wire.ts';
import { encodeNumber } from '../cri/wire-writer.ts';
import { DrainingError, OverloadedError, UnknownServiceError } from '../errors.ts';
import { Repeater } from '../repeater.ts';
import type { Call } from './call.ts';
import { reply, startReply } from './replies.ts';
import { whoYields } from './stream-places.ts';

/** HealthCheckResponse.ServingStatus. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** The empty name stands for the whole server. */
const SERVICES: ReadonlySet<string> = new Set([
  '',
  ...['v1', 'v1alpha2'].flatMap((v) => [`runtime.${v}.RuntimeService`, `runtime.${v}.ImageService`]),
]);
const PREFIX = '/grpc.health.v1.Health/';
/** Watches at once. */
const WATCHERS_AT_MOST = 64;
/** How often it is looked whether there is something to say to them. */
const LOOK_MS = 1_000;

/** What a watcher was told last, and which service it asked about. */
interface Watcher {
  readonly isKnown: boolean;
  told: number;
}

export class Health {
  private readonly isReady: () => boolean;
  private readonly watchers = new Map<Call, Watcher>();
  private readonly repeater: Repeater;
  private isStopping = false;

  /** `isReady` is what /readyz says. */
  constructor(isReady: () => boolean, clock: Clock) {
    this.isReady = isReady;
    this.repeater = new Repeater(clock, LOOK_MS, async () => this.update());
  }

  /** Whether the path is one of its two RPCs; its List is younger than most clients, and UNIMPLEMENTED. */
  static serves(path: string): boolean {
    return path === `${PREFIX}Check` || path === `${PREFIX}Watch`;
  }

  serve(call: Call): void {
    const isKnown = SERVICES.has(readString(call.message, 0, call.message.length, [1]) ?? '');
    if (call.path.endsWith('Watch')) this.watch(call, isKnown);
    else if (isKnown) reply(call, [message(this.status)]);
    else throw new UnknownServiceError('no service of that name is served here');
  }

  /** Something may have changed; what nobody reports is found by looking. */
  update(): void {
    for (const [call, watcher] of this.watchers) this.tell(call, watcher);
  }

  /** Tells all watchers that it serves no more, and ends their streams, which would outlast any grace time. */
  close(): void {
    this.isStopping = true;
    this.repeater.stop();
    this.update();
    for (const call of this.watchers.keys())
      call.fail(new DrainingError('Switchyard is stopping', { hint: 'Watch again when it is back' }));
  }

  private get status(): number {
    return this.isReady() && !this.isStopping ? SERVING : NOT_SERVING;
  }

  private watch(call: Call, isKnown: boolean): void {
    if (this.watchers.size >= WATCHERS_AT_MOST) {
      const limit = `${this.watchers.size} watches of the health are open, which is the limit`;
      const hint = 'End those that nobody needs, or use Check';
      const least = whoYields(call, [...this.watchers.keys()]);
      if (least === undefined) throw new OverloadedError(limit, { hint });
      this.watchers.delete(least);
      least.fail(new OverloadedError(`${limit}, and another client has fewer`, { hint }));
    }
    const watcher: Watcher = { isKnown, told: 0 };
    call.watch(() => this.watchers.delete(call));
    this.watchers.set(call, watcher);
    startReply(call);
    call.onReplyDrained = () => this.tell(call, watcher);
    this.tell(call, watcher);
  }

  /** One message at most waits for a client; what changed meanwhile is in the next one. */
  private tell(call: Call, watcher: Watcher): void {
    if (call.isOver || call.stream.queuedBytes > 0) return;
    const status = watcher.isKnown ? this.status : SERVICE_UNKNOWN;
    if (status === watcher.told) return;
    watcher.told = status;
    call.sendMessage([message(status)]);
  }
}

function message(status: number): Buffer {
  return Buffer.from(encodeNumber(1, status));
}
