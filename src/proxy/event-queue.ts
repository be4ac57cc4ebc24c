// One client of GetContainerEvents: what it has yet to read, bounded. A client that is too slow is told so and left,
// for a stream that silently lacks events is worse than none: the kubelet lists everything and asks again.
import { OverloadedError } from '../errors.ts';
import type { Call } from './call.ts';
import { startReply } from './replies.ts';

export const EVENTS_LIMIT = 10_000;
export const BYTES_LIMIT = 16 * 1024 * 1024;

export class EventQueue {
  private readonly call: Call;
  private events: Buffer[] = [];
  private sizeBytes = 0;

  /** Answers with headers at once: for the kubelet the stream stands from then on. */
  constructor(call: Call) {
    this.call = call;
    startReply(call);
    call.onReplyDrained = () => this.flush();
  }

  /** Sends an event now or later. The same bytes may be with other clients. False when the client was too slow and is left. */
  push(event: Buffer): boolean {
    const { call } = this;
    if (call.isOver) return true;
    this.events.push(event);
    this.sizeBytes += event.length;
    if (this.events.length > EVENTS_LIMIT || this.sizeBytes > BYTES_LIMIT) {
      const { length } = this.events;
      const waiting = `${length} events with ${this.sizeBytes} bytes wait for this client to read them`;
      this.events = [];
      call.fail(
        new OverloadedError(`${waiting}, which is too much: the stream ends here`, {
          hint: 'List everything, then ask for events again',
        }),
      );
      return false;
    }
    this.flush();
    return true;
  }

  /** The stream itself keeps one event at most, or nobody could say how much waits. */
  private flush(): void {
    const { call } = this;
    let sent = 0;
    for (const event of this.events) {
      if (call.isOver || call.stream.queuedBytes > 0) break;
      call.sendMessage([event]);
      this.sizeBytes -= event.length;
      sent++;
    }
    if (sent > 0) this.events.splice(0, sent);
  }
}
