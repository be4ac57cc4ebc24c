// The client's side of a connection: we open streams to a backend.
import net, { type NetConnectOpts, type Socket } from 'node:net';
import { Connection } from './connection.ts';
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import type { Field } from './field.ts';
import { MAX_STREAM_ID, PREFACE, SETTING } from './frame.ts';
import { SHARED_READ_BUFFER } from './frame-reader.ts';
import { Greeting } from './greeting.ts';
import { isInformational, responseFault } from './header-rules.ts';
import { BACKEND_LIMITS } from './limits.ts';
import { sharedReads } from './shared-reads.ts';
import { Stream, type StreamAbort, type StreamReceiver } from './stream.ts';
import type { ConnectionOptions } from './transport.ts';

export interface ClientOptions extends ConnectionOptions {
  /** The peer's first SETTINGS came: it speaks HTTP/2. */
  readonly onReady: () => void;
  /** A stream may be opened again after canOpen() was false. */
  readonly onSlot: () => void;
  /** The peer takes no new streams on this connection; those it took go on. Called once. */
  readonly onGoaway: () => void;
}

// What RFC 9113 advises a server to allow at least; holds until its SETTINGS come.
const STREAMS_BEFORE_SETTINGS = 100;

/** One connection to a backend. */
export class ClientConnection extends Connection {
  private readonly clientOptions: ClientOptions;
  private readonly opening: Stream[] = []; // no headers sent yet: seldom more than one
  private nextId = 1;
  private peerMaxStreams = STREAMS_BEFORE_SETTINGS;
  private hasNamedMaxStreams = false;
  private isGoingAway = false;
  private isSlotAwaited = false;
  /** Whether the socket was ever connected. */
  isConnected: boolean;
  private greeting: Greeting | undefined = new Greeting(); // until it is over
  private foreignWords: string | undefined;

  /** Takes a connected or connecting socket. Its input is read by 'data' events; see connect(). */
  constructor(socket: Socket, options: ClientOptions, readsShared = false) {
    super(socket, { ...options, limits: { ...BACKEND_LIMITS, ...options.limits } });
    this.clientOptions = options;
    this.isConnected = !socket.connecting;
    this.startReading(this, false);
    if (!readsShared) socket.on('data', (chunk: Buffer) => this.take(chunk, 0));
    socket.on('connect', () => {
      this.isConnected = true;
    });
    this.output.reserve(PREFACE.length);
    this.output.copy(PREFACE, 0, PREFACE.length);
    this.hello([
      [SETTING.ENABLE_PUSH, 0],
      [SETTING.INITIAL_WINDOW_SIZE, this.limits.initialWindowBytes],
      [SETTING.HEADER_TABLE_SIZE, this.limits.headerTableBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, this.limits.headerListSizeBytes],
    ]);
  }

  /** Connects to the unix socket `path`. All such connections read into one buffer. */
  static connect(path: string, options: ClientOptions): ClientConnection {
    let connection: ClientConnection | undefined;
    const onread = sharedReads((sizeBytes) => {
      connection?.take(undefined, sizeBytes);
      return true;
    });
    const connectOptions: NetConnectOpts = { path, onread };
    connection = new ClientConnection(net.connect(connectOptions), options, true);
    return connection;
  }

  /** What the peer does instead of speaking HTTP/2, if that is why the connection ended. */
  get foreign(): string | undefined {
    return this.foreignWords;
  }

  protected override take(chunk: Buffer | undefined, sharedBytes: number): void {
    if (this.greeting !== undefined) this.greet(chunk ?? SHARED_READ_BUFFER.subarray(0, sharedBytes));
    super.take(chunk, sharedBytes);
  }

  private greet(bytes: Buffer): void {
    const { greeting } = this;
    if (!greeting?.take(bytes)) return;
    this.greeting = undefined;
    this.foreignWords = greeting.foreign;
    if (greeting.foreign !== undefined) this.close(ERROR_CODE.PROTOCOL_ERROR, `the peer ${greeting.foreign}`);
  }

  /** Whether new streams may go here, now or when a slot is free. */
  get isOpen(): boolean {
    return !this.isClosed && !this.isGoingAway;
  }

  override get streamCount(): number {
    return this.streams.size + this.opening.length;
  }

  /** The open streams, oldest first. They may end while the array is read. */
  openStreams(): Stream[] {
    return [...this.streams.all(), ...this.opening];
  }

  /** Streams that were opened so far. */
  get openedCount(): number {
    return (this.nextId - 1) / 2;
  }

  /** Streams that the peer allows at once. */
  get maxStreams(): number {
    return this.peerMaxStreams;
  }

  /** Whether open() may be called now; when not because of the peer's limit, onSlot() follows. */
  canOpen(): boolean {
    if (!this.isOpen) return false;
    if (this.streamCount < this.peerMaxStreams) return true;
    this.isSlotAwaited = true;
    return false;
  }

  /** Opens a stream. It gets its id when its headers are sent. Throws when the connection is not open. */
  open(receiver: StreamReceiver): Stream {
    if (!this.isOpen)
      throw new ConnectionError(ERROR_CODE.REFUSED_STREAM, 'the connection takes no new streams');
    const stream = new Stream(this, 0, receiver);
    this.opening.push(stream);
    return stream;
  }

  override register(stream: Stream): void {
    this.removeOpening(stream);
    stream.id = this.nextId;
    this.streams.add(stream);
    this.nextId += 2;
    if (this.nextId > MAX_STREAM_ID - 1) this.goAway();
  }

  /** The answer is complete; a request that is not has no use any more. */
  protected override onRemoteEnded(stream: Stream): void {
    if (stream.isEndSent) stream.close(false);
    else stream.reset(ERROR_CODE.NO_ERROR);
  }

  override onEndSent(stream: Stream): void {
    if (stream.isRemoteEnded) stream.close(false);
  }

  protected override lastPeerStreamId(): number {
    return 0;
  }

  protected override isIdle(streamId: number): boolean {
    return streamId >= this.nextId || streamId % 2 === 0;
  }

  protected override onUnknownHeaders(streamId: number): void {
    if (this.isIdle(streamId)) {
      throw new ConnectionError(
        ERROR_CODE.PROTOCOL_ERROR,
        'a HEADERS frame for a stream that was never opened',
      );
    }
    throw new ConnectionError(ERROR_CODE.STREAM_CLOSED, 'a HEADERS frame for a closed stream');
  }

  protected override onFirstHeaders(
    stream: Stream,
    list: readonly Field[],
    endStream: boolean,
  ): string | undefined {
    const fault = responseFault(list);
    if (fault !== undefined) return fault;
    if (isInformational(list)) return endStream ? 'a 1xx response that ends the stream' : undefined;
    stream.hasHeaders = true;
    this.deliverHeaders(stream, list, endStream);
    return undefined;
  }

  protected override onStreamGone(stream: Stream): void {
    if (stream.id === 0) this.removeOpening(stream);
    if (this.isClosed) return;
    if (this.isGoingAway) this.closeIfEmpty();
    else this.announceSlot();
  }

  private removeOpening(stream: Stream): void {
    const { opening } = this;
    if (opening.at(-1) === stream) opening.pop();
    else opening.splice(opening.indexOf(stream), 1);
  }

  private announceSlot(): void {
    if (!this.isSlotAwaited || this.streamCount >= this.peerMaxStreams) return;
    this.isSlotAwaited = false;
    this.clientOptions.onSlot();
  }

  protected override onPeerSettings(isFirst: boolean): void {
    if (isFirst) {
      if (!this.hasNamedMaxStreams) this.peerMaxStreams = Number.POSITIVE_INFINITY;
      this.clientOptions.onReady();
    }
    this.announceSlot();
  }

  protected override onMaxStreams(count: number): void {
    this.hasNamedMaxStreams = true;
    this.peerMaxStreams = count;
  }

  protected override onGoaway(lastStreamId: number, reason: string): void {
    const message = `the peer goes away (${reason})`;
    const wasOpen = !this.isGoingAway;
    this.isGoingAway = true;
    const unprocessed: StreamAbort = { kind: 'connection', message, processed: false };
    for (const stream of this.openStreams()) {
      if (stream.id === 0 || stream.id > lastStreamId) this.abort(stream, unprocessed);
    }
    if (wasOpen) this.clientOptions.onGoaway();
    this.closeIfEmpty();
  }

  private goAway(): void {
    this.isGoingAway = true;
    this.clientOptions.onGoaway();
  }

  private closeIfEmpty(): void {
    if (this.streamCount === 0) this.close(ERROR_CODE.NO_ERROR, 'the peer went away');
  }

  /** A receiver that has the whole answer hears no more. */
  protected override abort(stream: Stream, reason: StreamAbort): void {
    if (stream.isRemoteEnded) stream.close(false);
    else super.abort(stream, reason);
  }

  protected override abortAll(reason: string): void {
    for (const stream of this.openStreams()) {
      const processed = this.isConnected && stream.id !== 0;
      this.abort(stream, { kind: 'connection', message: reason, processed });
    }
  }

  protected override onPingAck(): void {}
  protected override countReset(): void {} // only streams that we opened can be reset
  protected override countLate(): void {} // a backend answers calls that clients have just given up, however many
}
