// What one peer may make us hold or do. Every default is far above what a gRPC peer does in good faith.

/** Bounds of one connection. Sizes in bytes; rates per second. */
export interface Http2Limits {
  /** One header list, counted as RFC 7541 section 4.1 does; a longer one costs its stream. */
  readonly headerListSizeBytes: number;
  readonly headerFields: number;
  /** Fields of one header block, which are decoded for the table's sake even when the list is too long; more cost the connection. */
  readonly headerBlockFields: number;
  /** The coded bytes of one header block, which are kept until it is whole; a longer one costs the connection. */
  readonly headerBlockBytes: number;
  /** The table our decoder keeps for the peer. */
  readonly headerTableBytes: number;
  /** CONTINUATION frames of one header block; more cost the connection. */
  readonly continuationFrames: number;
  /** Streams a client may have open at once. */
  readonly streams: number;
  /** How much a peer may send on one stream, and on all, before the receiver has consumed any. */
  readonly initialWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** DATA waits in its stream's queue while this much waits in the socket. */
  readonly unsentBytes: number;
  /** Beyond this much in the socket (frames other than DATA do not wait) the peer is not reading: it is cut off. */
  readonly unsentCutOffBytes: number;
  readonly settingsPerSecond: number;
  /**
   * Streams that SETTINGS make us look at, because their DATA waits for a window that is widened. A peer that measures its
   * bandwidth, as gRPC ones do, doubles its windows some eight times.
   */
  readonly streamVisitsPerSecond: number;
  /** PINGs; a DATA or HEADERS frame of ours starts the count again, because gRPC peers measure with PINGs. */
  readonly pingsPerSecond: number;
  /** Streams that a client resets or makes us reset, and HEADERS that follow on those. */
  readonly resetsPerSecond: number;
  /** DATA and CONTINUATION frames that carry nothing. */
  readonly emptyFramesPerSecond: number;
  /**
   * RST_STREAM and WINDOW_UPDATE for streams that were never opened: a call that is cancelled at once may leave one. And
   * empty DATA of a client for streams that we have reset; DATA with bytes has its windows.
   */
  readonly strayFramesPerSecond: number;
  /** GOAWAY frames in a connection's life: a server that drains sends two, each of which may end streams. */
  readonly goaways: number;
}

/** What stands for the MAX_HEADER_LIST_SIZE of a peer that announces none. A small integer, as it is compared in every call. */
export const NO_LIST_LIMIT_BYTES = 0x3fffffff;

/** The limits of a connection that names none: those of a client's. */
export const DEFAULT_LIMITS: Http2Limits = {
  headerListSizeBytes: 64 * 1024,
  headerFields: 256,
  headerBlockFields: 4096,
  headerBlockBytes: 256 * 1024,
  headerTableBytes: 4096,
  continuationFrames: 16,
  streams: 10_000,
  initialWindowBytes: 4 * 1024 * 1024,
  connectionWindowBytes: 64 * 1024 * 1024,
  unsentBytes: 1024 * 1024,
  unsentCutOffBytes: 8 * 1024 * 1024,
  settingsPerSecond: 100,
  streamVisitsPerSecond: 100_000,
  pingsPerSecond: 200,
  resetsPerSecond: 2000,
  emptyFramesPerSecond: 1000,
  strayFramesPerSecond: 1000,
  goaways: 16,
};

/**
 * Where a connection to a backend differs. A runtime writes what it was asked for into its error, so a header list may be
 * as long as a request: 16 MiB, what grpc-go takes from a server; but see openListLimits. Its block comes in frames of 16 KiB.
 */
export const BACKEND_LIMITS = {
  headerListSizeBytes: 16 * 1024 * 1024,
  headerFields: 10_000,
  headerBlockFields: 100_000,
  headerBlockBytes: 20 * 1024 * 1024,
  continuationFrames: 4096,
} satisfies Partial<Http2Limits>;

/** The bounds of one header list. */
export type ListLimits = Pick<Http2Limits, 'headerListSizeBytes' | 'headerFields'>;

/**
 * Those of a list that does not end its stream: what follows may never come, and the list is kept until then. Only errors
 * are long, and they end their call.
 */
export function openListLimits({ headerListSizeBytes, headerFields }: ListLimits): ListLimits {
  return {
    headerListSizeBytes: Math.min(headerListSizeBytes, DEFAULT_LIMITS.headerListSizeBytes),
    headerFields: Math.min(headerFields, DEFAULT_LIMITS.headerFields),
  };
}

/** Counts events and says when there are more in one second than allowed. */
export class RateLimit {
  private readonly perSecond: number;
  private count = 0;
  private secondStartedAt = Number.NEGATIVE_INFINITY;
  private startsWithNext = false;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  /** Counts `events` at `now` (monotonic ms); true when that is too many. */
  exceeds(now: number, events = 1): boolean {
    if (this.startsWithNext || now - this.secondStartedAt >= 1000) {
      if (!this.startsWithNext) this.count = 0;
      this.startsWithNext = false;
      this.secondStartedAt = now;
    }
    this.count += events;
    return this.count > this.perSecond;
  }

  /** Counts the event at hand as the first. Needs no time, which takes a while to read. */
  startAnew(): void {
    this.count = 1;
    this.startsWithNext = true;
  }
}
