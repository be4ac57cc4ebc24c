// The framing of gRPC messages in DATA: one byte that says whether it is compressed, four that give the length.
import { MalformedMessageError, MessageTooLargeError, UnimplementedError } from '../errors.ts';
import type { Stream } from '../http2/stream.ts';
import { releaseMemory, takeMemory, takeSpareMemory } from './message-memory.ts';

/** Bytes in front of every message. */
export const PREFIX_BYTES = 5;

// A longer message gets its whole buffer only when this much of it has come.
const TRUSTED_BYTES = 1024 * 1024;

/** Writes the prefix of an uncompressed message at target[at]. */
function writePrefix(target: Buffer, at: number, messageSizeBytes: number): void {
  target[at] = 0;
  target.writeUInt32BE(messageSizeBytes, at + 1);
}

/** The message with its prefix, in a buffer of its own. */
export function framed(message: Uint8Array): Buffer {
  const target = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  writePrefix(target, 0, message.length);
  target.set(message, PREFIX_BYTES);
  return target;
}

/** Sends one message made of `parts`, which become the stream's. Returns how many bytes that is, with the prefix. */
export function sendFramed(stream: Stream, parts: readonly Buffer[]): number {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  writePrefix(prefix, 0, sizeBytes);
  stream.sendData(prefix, 0, PREFIX_BYTES, false);
  for (const part of parts) stream.sendOwned(part, 0, part.length, false);
  return PREFIX_BYTES + sizeBytes;
}

/**
 * Takes one message, without its prefix, in buffer[start, end). With `isOwned` the buffer is the message's own and
 * now the taker's, who may release it (message-memory.ts); without, it is valid only until the return.
 */
export type OnMessage = (buffer: Buffer, start: number, end: number, isOwned: boolean) => void;

/** Told that a long message has grown: what is there of it, in held[0, sizeBytes). Valid only until the return. */
export type OnGrowth = (held: Buffer, sizeBytes: number) => void;

/** Cuts a stream's DATA into messages, however it was split. A message that arrives whole is not copied. */
export class MessageReader {
  private readonly limitBytes: number;
  private readonly what: string;
  private readonly from: 'client' | 'backend';
  private readonly onGrowth: OnGrowth | undefined;
  private prefixBytes = 0; // of the prefix at hand
  private sizeBytes = 0; // of the message at hand, as far as its prefix is read
  private held: Buffer | undefined;
  private heldBytes = 0;

  /** `what` names the message in errors, for example "the request"; `from` decides whose fault broken bytes are. */
  constructor(limitBytes: number, what: string, from: 'client' | 'backend' = 'client', onGrowth?: OnGrowth) {
    this.limitBytes = limitBytes;
    this.what = what;
    this.from = from;
    this.onGrowth = onGrowth;
  }

  /**
   * Takes the next bytes and calls `onMessage` for each message that is complete. Throws MalformedMessageError,
   * MessageTooLargeError (as soon as the prefix is there) or UnimplementedError (compressed).
   */
  push(buffer: Buffer, start: number, end: number, onMessage: OnMessage): void {
    let at = start;
    while (at < end) {
      if (this.prefixBytes < PREFIX_BYTES) {
        at = this.readPrefix(buffer, at, end);
        if (this.prefixBytes < PREFIX_BYTES) return;
      }
      const missing = this.sizeBytes - this.heldBytes;
      if (this.heldBytes === 0 && end - at >= missing) {
        this.prefixBytes = 0;
        onMessage(buffer, at, at + missing, false);
        at += missing;
        continue;
      }
      if (at === end) return; // a prefix alone claims no memory
      const part = Math.min(missing, end - at);
      this.hold(buffer, at, at + part);
      at += part;
      if (part === missing) {
        const message = this.held as Buffer;
        const size = this.sizeBytes;
        this.held = undefined;
        this.heldBytes = 0;
        this.prefixBytes = 0;
        onMessage(message, 0, size, true);
      } else this.onGrowth?.(this.held as Buffer, this.heldBytes);
    }
  }

  /** No more bytes come. Throws MalformedMessageError when a message is incomplete. */
  finish(): void {
    if (this.prefixBytes === 0) return;
    throw new MalformedMessageError(`${this.what} ends within a message`, { from: this.from });
  }

  private readPrefix(buffer: Buffer, start: number, end: number): number {
    let at = start;
    if (this.prefixBytes === 0) {
      const flag = buffer[at++];
      if (flag === 1) {
        throw new UnimplementedError(`${this.what} is compressed`, {
          hint: 'Send messages without compression',
        });
      }
      if (flag !== 0) {
        throw new MalformedMessageError(`${this.what} is not framed as gRPC messages are`, {
          from: this.from,
        });
      }
      this.prefixBytes = 1;
      this.sizeBytes = 0;
    }
    while (this.prefixBytes < PREFIX_BYTES && at < end) {
      this.sizeBytes = this.sizeBytes * 256 + (buffer[at++] as number);
      this.prefixBytes++;
    }
    if (this.prefixBytes === PREFIX_BYTES && this.sizeBytes > this.limitBytes) {
      throw new MessageTooLargeError(
        `${this.what} has ${this.sizeBytes} bytes, the limit is ${this.limitBytes} bytes`,
      );
    }
    return at;
  }

  // The buffer is not made at the prefix's word alone: that would let a peer claim memory for five bytes.
  private hold(buffer: Buffer, start: number, end: number): void {
    const needed = this.heldBytes + end - start;
    const held = this.held;
    if (held === undefined || held.length < needed) {
      const trusted = needed <= TRUSTED_BYTES ? Math.min(this.sizeBytes, TRUSTED_BYTES) : this.sizeBytes;
      this.held = takeSpareMemory(this.sizeBytes) ?? takeMemory(trusted);
      if (held !== undefined) {
        held.copy(this.held, 0, 0, this.heldBytes);
        releaseMemory(held);
      }
    }
    buffer.copy(this.held as Buffer, this.heldBytes, start, end);
    this.heldBytes = needed;
  }
}
