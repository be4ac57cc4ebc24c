// PodSandboxStatus and ContainerStatus: what the owner answers is kept, and answered again while it is absent. A reply is
// looked at when the client has it; most say what the last one said.
import type { Backend } from '../backends/backend.ts';
import type { StatusObject } from '../backends/status-memory.ts';
import { momentOf } from '../clock.ts';
import { readString } from '../cri/wire.ts';
import { field, LENGTH_DELIMITED, readField } from '../cri/wire-field.ts';
import { MalformedMessageError } from '../errors.ts';
import type { Call } from './call.ts';
import type { ProxyParts } from './parts.ts';
import type { LastReplies } from './passed-reply.ts';
import { reply } from './replies.ts';

/** In the replies: the status. What comes beside it is of its moment alone: verbose info, events. */
const STATUS = 1;
/** In a status. */
const ID = 1;
/** In the requests of both. */
const REQUEST_ID = [1];

/** For the calls of one of the two RPCs. */
export class StatusKeeper implements LastReplies {
  private readonly parts: ProxyParts;
  private readonly object: StatusObject;

  constructor(parts: ProxyParts, object: StatusObject) {
    this.parts = parts;
    this.object = object;
  }

  see(backend: Backend, buffer: Buffer, start: number, end: number): void {
    try {
      this.keep(backend, buffer, start, end);
    } catch (error) {
      // The client has it as it came, and can tell.
      if (!(error instanceof MalformedMessageError)) throw error;
      this.glimpse(backend, buffer.subarray(start, end));
    }
  }

  glimpse(backend: Backend, head: Buffer): void {
    const id = idIn(head);
    if (id !== undefined && this.parts.ledger.ownerOf(this.object, id) === backend)
      backend.snapshot.statuses.miss(this.object, id);
  }

  deny(backend: Backend, { message }: Call): void {
    const { ledger, clock } = this.parts;
    // Of the beginning of an id it may say so because it fits several.
    const id = readString(message, 0, message.length, REQUEST_ID) ?? '';
    if (ledger.ownerOf(this.object, id) !== backend) return;
    backend.snapshot.statuses.deny(this.object, id, momentOf(clock));
  }

  answer(call: Call, owner: Backend): boolean {
    const { ledger, clock, metrics } = this.parts;
    const { message } = call;
    const asked = readString(message, 0, message.length, REQUEST_ID) ?? '';
    const object = ledger.find(this.object, asked);
    if (object.kind !== 'owned' || object.backend !== owner) return false;
    const { statuses } = owner.snapshot;
    const kept = statuses.reply(this.object, object.id, momentOf(clock), owner.absentMs);
    if (kept === undefined) return false;
    call.backendName = owner.name;
    metrics.snapshotAnswered(owner.name, call.rpc);
    reply(call, [kept]);
    return true;
  }

  private keep(backend: Backend, buffer: Buffer, start: number, end: number): void {
    const { ledger, clock } = this.parts;
    let from = -1;
    let to = -1;
    for (let at = start; at < end; ) {
      at = readField(buffer, at, end);
      if (field.number !== STATUS || field.wireType !== LENGTH_DELIMITED) continue;
      if (from >= 0) return; // one message in two parts, which nobody sends
      from = field.bodyStart;
      to = field.bodyEnd;
    }
    if (from < 0 || from === to) return;
    // The id stands first, as every protobuf library writes it.
    readField(buffer, from, to);
    if (field.number !== ID || field.wireType !== LENGTH_DELIMITED) return;
    const id = buffer.toString('latin1', field.bodyStart, field.bodyEnd);
    const { statuses } = backend.snapshot;
    const seen = momentOf(clock);
    if (statuses.confirm(this.object, id, buffer, from, to, seen)) return;
    // What was removed meanwhile is not kept, nor what another backend owns.
    if (ledger.ownerOf(this.object, id) !== backend) return;
    statuses.see(this.object, id, buffer, from, to, seen);
  }
}

/** The id in the beginning of a reply, where the status stands first and the id first in that; else undefined. */
function idIn(head: Buffer): string | undefined {
  try {
    if (head[0] !== STATUS * 8 + LENGTH_DELIMITED) return undefined;
    let at = 1;
    while ((head[at] ?? 0) >= 0x80) at++;
    readField(head, at + 1, head.length);
    const isId = field.number === ID && field.wireType === LENGTH_DELIMITED;
    return isId ? head.toString('latin1', field.bodyStart, field.bodyEnd) : undefined;
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return undefined;
  }
}
