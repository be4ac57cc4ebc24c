// One connection of an attacker: writes what an attack makes, as fast as the other side takes it, and counts what comes.
// Keeps nothing of it, so that an attacker does not drown in the answers to its own attack.
import net from 'node:net';
import { errorCodeName } from '../../src/http2/connection-error.ts';
import { ACK, frame, PREFACE, settings, TYPE } from '../support/http2-raw-peer.ts';

const HEAD_BYTES = 9;

/** What several connections count together. */
export class Counts {
  connections = 0;
  refusedDials = 0;
  ended = 0;
  bursts = 0;
  sentBytes = 0;
  readonly goaways: Record<string, number> = {};
  readonly frames: Record<number, number> = {};
}

export type FrameListener = (type: number, flags: number, streamId: number, payload: Buffer) => void;

export class AttackConnection {
  /** Which of the attack's connections it is, from 0. */
  readonly lane: number;
  /** Bursts that were sent on it. */
  bursts = 0;
  /** For an attack to keep a number in. */
  memory = 0;
  /** For a hostile backend: streams that it has begun to answer, the newest last. */
  readonly streams: number[] = [];
  isEnded = false;
  onFrame: FrameListener | undefined;

  private readonly socket: net.Socket;
  private readonly counts: Counts;
  private lastId = -1;
  private rest: Buffer = Buffer.alloc(0);
  private toSkip = 0;
  private initialWindowBytes = 65_535;
  private windowBytes = 65_535;
  /** What is left of each stream's window beside its initial size. */
  private readonly windowsBytes = new Map<number, number>();
  private wake: (() => void) | undefined;

  constructor(socket: net.Socket, lane: number, counts: Counts, reads: boolean, expectsPreface: boolean) {
    this.socket = socket;
    this.lane = lane;
    this.counts = counts;
    if (expectsPreface) this.toSkip = PREFACE.length;
    counts.connections++;
    socket.on('error', () => {});
    socket.on('drain', () => this.wake?.());
    const end = () => {
      this.isEnded = true;
      this.wake?.();
    };
    socket.on('close', end);
    if (reads) {
      socket.on('end', end);
      socket.on('data', (chunk: Buffer) => this.read(chunk));
    }
  }

  /** Connects to a unix socket's path or a port of the loopback address; undefined when nobody takes it. */
  static dial(
    address: string,
    lane: number,
    counts: Counts,
    reads: boolean,
  ): Promise<AttackConnection | undefined> {
    const socket = /^\d+$/.test(address) ? net.connect(Number(address), '127.0.0.1') : net.connect(address);
    return new Promise((resolve) => {
      socket.once('connect', () => resolve(new AttackConnection(socket, lane, counts, reads, false)));
      socket.once('error', () => {
        counts.refusedDials++;
        resolve(undefined);
      });
    });
  }

  /** The id of a new stream, as a client counts them. */
  nextId(): number {
    this.lastId += 2;
    return this.lastId;
  }

  /** The last id that nextId() gave. */
  get newestId(): number {
    return this.lastId;
  }

  /** The honest beginning of a client. */
  static readonly hello: readonly Uint8Array[] = [PREFACE, settings()];

  /** DATA on a stream as far as the other side's windows allow, at most `sizeBytes`; nothing when they allow none. */
  dataWithin(streamId: number, sizeBytes: number): Buffer[] {
    const ofStream = this.initialWindowBytes + (this.windowsBytes.get(streamId) ?? 0);
    const size = Math.min(sizeBytes, ofStream, this.windowBytes);
    if (size <= 0) return [];
    this.spend(streamId, size);
    return [frame(TYPE.data, 0, streamId, Buffer.alloc(size))];
  }

  /** As dataWithin, in frames of one byte. */
  crumbsWithin(streamId: number, count: number): Buffer[] {
    const ofStream = this.initialWindowBytes + (this.windowsBytes.get(streamId) ?? 0);
    const size = Math.max(0, Math.min(count, ofStream, this.windowBytes));
    this.spend(streamId, size);
    const crumb = frame(TYPE.data, 0, streamId, Buffer.alloc(1));
    return Array.from({ length: size }, () => crumb);
  }

  /** Writes parts; false when the socket wants a pause. */
  send(parts: readonly Uint8Array[]): boolean {
    if (this.isEnded || this.socket.destroyed) return false;
    const bytes = Buffer.concat(parts);
    this.counts.sentBytes += bytes.length;
    return bytes.length === 0 || this.socket.write(bytes);
  }

  /** Sends bursts until there are no more, the connection ends, or `endMs` is reached. */
  async sendBursts(
    burst: (connection: AttackConnection) => readonly Uint8Array[] | undefined,
    everyMs: number,
    endMs: number,
  ): Promise<void> {
    while (!this.isEnded && performance.now() < endMs) {
      const parts = burst(this);
      if (parts === undefined) return;
      this.bursts++;
      this.counts.bursts++;
      if (!this.send(parts)) await this.wait(endMs);
      else if (everyMs > 0) await pause(everyMs);
      else await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Resolves when the socket takes more, at its end, and at `endMs` at the latest. */
  async wait(endMs: number): Promise<void> {
    if (this.isEnded) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, endMs - performance.now()));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }

  /** Sends what waits and ends the connection. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.isEnded = true;
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = Math.min(this.toSkip, bytes.length);
    this.toSkip -= at;
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const [type, flags] = [bytes[at + 3] as number, bytes[at + 4] as number];
      this.take(type, flags, bytes.readUInt32BE(at + 5) & 0x7fffffff, bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    bytes = bytes.subarray(at);
    this.rest = bytes;
  }

  private spend(streamId: number, sizeBytes: number): void {
    this.windowBytes -= sizeBytes;
    this.windowsBytes.set(streamId, (this.windowsBytes.get(streamId) ?? 0) - sizeBytes);
  }

  private widen(streamId: number, sizeBytes: number): void {
    this.spend(streamId, -sizeBytes);
    if (streamId !== 0) this.windowBytes -= sizeBytes;
  }

  private takeSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === 4) this.initialWindowBytes = payload.readUInt32BE(at + 2);
    }
    this.send([frame(TYPE.settings, ACK, 0)]);
  }

  private take(type: number, flags: number, streamId: number, payload: Buffer): void {
    const { frames, goaways } = this.counts;
    frames[type] = (frames[type] ?? 0) + 1;
    if (type === TYPE.settings && flags !== ACK) this.takeSettings(payload);
    if (type === TYPE.windowUpdate) this.widen(streamId, payload.readUInt32BE(0));
    if (type === TYPE.goaway && payload.readUInt32BE(4) !== 0) {
      const code = errorCodeName(payload.readUInt32BE(4));
      goaways[code] = (goaways[code] ?? 0) + 1;
    }
    this.onFrame?.(type, flags, streamId, payload);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
