// The server's side of a connection: a client opens streams, we answer them.
import type { Socket } from 'node:net';
import type { Timer } from '../clock.ts';
import { Connection } from './connection.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import type { Field } from './field.ts';
import { FRAME, MAX_STREAM_ID, SETTING } from './frame.ts';
import { announcedLength, requestFault } from './header-rules.ts';
import { ListenerBudget } from './listener-budget.ts';
import type { BudgetShare } from './shared-budget.ts';
import { readingShared } from './shared-reads.ts';
import { Stream, type StreamReceiver } from './stream.ts';
import type { ConnectionOptions } from './transport.ts';

export interface ServerOptions extends ConnectionOptions {
  /** A request begins: who receives it. Its headers follow at once. */
  readonly accept: (stream: Stream) => StreamReceiver;
  /** The socket is closed, which may be a while after onClose. */
  readonly onGone?: () => void;
}

const DRAIN_PING = Buffer.from('draining', 'latin1');
const DRAIN_PING_MS = 1000;

// Stands in until accept() has named the real one.
const NO_RECEIVER: StreamReceiver = { onHeaders() {}, onData() {}, onDrain() {}, onAborted() {} };

/** Streams opened by all clients: an order of time that needs no clock. */
let uses = 0;

/** One accepted connection. */
export class ServerConnection extends Connection {
  /** What waits for this client to read it, and what its owner counts with that. */
  readonly replies: BudgetShare;
  private readonly serverOptions: ServerOptions;
  private readonly streamShare: BudgetShare;
  private lastId = 0; // of the streams that the client opened
  private lastTakenId = 0; // of those that were not refused because of drain()
  private drainState: 'none' | 'announced' | 'final' = 'none';
  private drainTimer: Timer | undefined;
  private useNumber = 0;

  /** Takes an accepted socket. Its input is read by 'data' events; see accept(). */
  constructor(socket: Socket, options: ServerOptions, readsShared = false) {
    super(socket, options);
    this.serverOptions = options;
    const { budget = new ListenerBudget() } = options;
    this.streamShare = budget.streams.join();
    this.replies = budget.queuedBytes.join();
    this.hello([
      [SETTING.MAX_CONCURRENT_STREAMS, this.limits.streams],
      [SETTING.INITIAL_WINDOW_SIZE, this.limits.initialWindowBytes],
      [SETTING.HEADER_TABLE_SIZE, this.limits.headerTableBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, this.limits.headerListSizeBytes],
    ]);
    this.startReading(this, true);
    if (options.onGone !== undefined) socket.once('close', options.onGone);
    if (!readsShared) socket.on('data', (chunk: Buffer) => this.take(chunk, 0));
  }

  /** Takes a socket accepted with `pauseOnConnect`, before anything was read from it. All such read into one buffer. */
  static accept(accepted: Socket, options: ServerOptions): ServerConnection {
    let connection: ServerConnection | undefined;
    const socket = readingShared(accepted, (sizeBytes) => {
      connection?.take(undefined, sizeBytes);
      return true;
    });
    connection = new ServerConnection(socket ?? accepted, options, socket !== undefined);
    (socket ?? accepted).resume();
    return connection;
  }

  /** Whether more DATA may wait for this client: false when it has its part of what may wait for all. */
  get hasQueueRoom(): boolean {
    return this.replies.allows(0);
  }

  override addQueued(sizeBytes: number): void {
    super.addQueued(sizeBytes);
    this.replies.take(sizeBytes);
  }

  /** Frames other than DATA do not wait for the client, so they count here: replies that are errors, acks. */
  override countUnsent(changeBytes: number): boolean {
    this.replies.take(changeBytes);
    return this.hasQueueRoom;
  }

  /**
   * What it does for its client: it is closing, it waits for the client's preface and SETTINGS, no stream was ever opened,
   * none of those that are open has its whole request, none is open and no answer waits, or it is at work.
   */
  get standing(): 'leaving' | 'silent' | 'unused' | 'unfinished' | 'idle' | 'busy' {
    if (this.isClosed) return 'leaving';
    if (!this.hasPeerSettings) return 'silent';
    if (this.remoteEnded > 0 || this.queuedBytes > 0) return 'busy';
    if (this.streams.size > 0) return 'unfinished';
    return this.lastId === 0 ? 'unused' : 'idle';
  }

  /** Higher than that of every connection whose last stream was opened before its own. */
  get lastUse(): number {
    return this.useNumber;
  }

  /** Closes it and its socket at once, also when it is closing already. */
  dismiss(): void {
    // Who has not greeted does not wait for GOAWAY, and in a flood there are thousands of them.
    if (this.hasPeerSettings) this.close();
    this.socket.destroy();
  }

  /**
   * Lets the client finish: GOAWAY that only warns, then, when the client has surely seen it (its PING comes back) or
   * is slow to say so, GOAWAY with the last stream taken. Later streams are refused; the connection closes with its
   * last stream.
   */
  drain(): void {
    if (this.isClosed || this.drainState !== 'none') return;
    this.drainState = 'announced';
    this.writeGoaway(MAX_STREAM_ID, ERROR_CODE.NO_ERROR, '');
    this.output.head(DRAIN_PING.length, FRAME.PING, 0, 0);
    this.output.copy(DRAIN_PING, 0, DRAIN_PING.length);
    this.drainTimer = this.clock.after(DRAIN_PING_MS, () => this.onPingAck());
  }

  /** Who receives the streams that are open. */
  receivers(): StreamReceiver[] {
    return this.streams.all().map(({ receiver }) => receiver);
  }

  protected override onPingAck(): void {
    if (this.isClosed || this.drainState !== 'announced') return;
    this.drainTimer?.cancel();
    this.drainState = 'final';
    this.writeGoaway(this.lastTakenId, ERROR_CODE.NO_ERROR, '');
    this.closeIfDrained();
  }

  protected override lastPeerStreamId(): number {
    return this.lastTakenId;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId > this.lastId || streamId % 2 === 0;
  }

  protected override onUnknownHeaders(
    id: number,
    list: readonly Field[],
    endStream: boolean,
    fits: boolean,
  ): void {
    if (id % 2 === 0)
      throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, 'a client opened a stream with an even id');
    if (id <= this.lastId)
      throw new ConnectionError(ERROR_CODE.STREAM_CLOSED, 'a HEADERS frame for a closed stream');
    this.lastId = id;
    if (this.drainState === 'final') {
      this.refuse(id, ERROR_CODE.REFUSED_STREAM);
      return;
    }
    this.lastTakenId = id;
    if (!fits) this.refuse(id, ERROR_CODE.ENHANCE_YOUR_CALM);
    else if (requestFault(list) !== undefined || (endStream && announcedLength() > 0)) {
      this.refuse(id, ERROR_CODE.PROTOCOL_ERROR);
    } else if (!this.hasRoomForStream()) this.refuse(id, ERROR_CODE.REFUSED_STREAM);
    else this.open(id, list, endStream);
  }

  private hasRoomForStream(): boolean {
    return this.streams.size < this.limits.streams && this.streamShare.allows(1);
  }

  private open(id: number, list: readonly Field[], endStream: boolean): void {
    const stream = new Stream(this, id, NO_RECEIVER);
    stream.hasHeaders = true;
    stream.announcedBytes = announcedLength();
    this.streams.add(stream);
    this.streamShare.take(1);
    this.useNumber = ++uses;
    try {
      stream.receiver = this.serverOptions.accept(stream);
    } catch (error: unknown) {
      this.receiverFailed(stream, error);
      return;
    }
    if (!stream.isClosed) this.deliverHeaders(stream, list, endStream);
  }

  private refuse(id: number, code: number): void {
    this.resets.add(id);
    this.output.numberFrame(FRAME.RST_STREAM, id, code);
    this.countReset();
  }

  protected override countReset(): void {
    this.rates.reset();
  }

  protected override countLate(): void {
    this.rates.strayFrame();
  }

  protected override onFirstHeaders(): undefined {
    return undefined; // a server's streams begin with their headers
  }

  /** A whole answer before the whole request: RFC 9113 section 8.1 has us tell the client to stop sending. */
  override onEndSent(stream: Stream): void {
    if (stream.isRemoteEnded) stream.close(false);
    else stream.reset(ERROR_CODE.NO_ERROR);
  }

  override register(): void {} // a server's streams have their id from the start

  protected override onStreamGone(): void {
    this.streamShare.take(-1);
    this.closeIfDrained();
  }

  protected override abortAll(reason: string): void {
    super.abortAll(reason);
    this.streamShare.leave();
    this.replies.leave();
  }

  private closeIfDrained(): void {
    if (this.drainState === 'final' && this.streams.size === 0) this.close(ERROR_CODE.NO_ERROR, 'drained');
  }

  protected override onPeerSettings(): void {}
  protected override onMaxStreams(): void {}
  protected override onGoaway(): void {} // the client will open no more; nothing to do for us
}
