// Where the lines of the log go: a descriptor that may be a full disk, a pipe that nobody reads, or a reader that is
// gone. Lines wait here and are written together beside the event loop; what cannot be written is dropped and counted.
import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { type Clock, systemClock } from '../clock.ts';

/** Takes whole lines, each with its line end. */
export interface LineSink {
  write(line: string): void;
}

/** Lines that could not be written. */
export interface LostLines {
  readonly lines: number;
  /** When the first of them was dropped; on the clock's wallMs(). */
  readonly sinceMs: number;
  readonly reason: string;
}

/** What may wait for a slow reader, in characters; what comes beyond is dropped until all of it is written. */
const WAITING_CHARS = 4 * 1024 * 1024;
/** The same while writing fails: enough to tell how the trouble began, and soon seen in the count of dropped lines. */
const WAITING_CHARS_IN_TROUBLE = 64 * 1024;
/** Written at once: what a pipe of Linux takes. */
const CHUNK_CHARS = 64 * 1024;
/** Until a reader that is behind is tried again. */
const SLOW_RETRY_MS = 20;
/** Until a disk that is full, or a reader that is gone, is tried again. */
const TROUBLE_RETRY_MS = 1_000;
/** How long the end of the process waits for lines to be written. */
const FLUSH_MS = 1_000;

/**
 * The log's own way to a descriptor. Not sonic-boom, which pino brings: its first error that is not EPIPE is thrown
 * from a callback, and the flush at the exit then writes to a full disk for ever; after EPIPE it is silent for good.
 */
export class LogSink implements LineSink, AsyncDisposable {
  /** Called when all that waited is written, if lines were lost since the last time. It may write. */
  onWorksAgain: (lost: LostLines) => void = () => {};
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #chunks: string[] = [];
  #waitingChars = 0;
  /** Bytes that are being written, or must be next: the rest of a line comes before anything else. */
  #rest: Buffer | undefined;
  #state: 'idle' | 'due' | 'writing' | 'retrying' | 'closed' = 'idle';
  #writingSinceMs = 0;
  #trouble: string | undefined;
  #lost: LostLines | undefined;
  #lostBefore = 0;
  #closing: (() => void) | undefined;

  /** Writes to a descriptor of the process, such as 1 for standard output. It is never closed. */
  constructor(fd: number, clock: Clock = systemClock) {
    this.#fd = withoutBlocking(fd);
    this.#clock = clock;
    process.on('exit', this.#onExit);
  }

  /** Lines that were dropped since the start. */
  get lostLines(): number {
    return this.#lostBefore + (this.#lost?.lines ?? 0);
  }

  write(line: string): void {
    if (this.#state === 'closed') {
      this.#writeNow(Buffer.from(line));
      return;
    }
    const limit = this.#trouble === undefined ? WAITING_CHARS : WAITING_CHARS_IN_TROUBLE;
    if (this.#lost !== undefined || this.#waitingChars + line.length > limit) {
      this.#lose();
      return;
    }
    const last = this.#chunks.length - 1;
    const chunk = this.#chunks[last];
    if (chunk === undefined || chunk.length + line.length > CHUNK_CHARS) this.#chunks.push(line);
    else this.#chunks[last] = chunk + line;
    this.#waitingChars += line.length;
    if (this.#state !== 'idle') return;
    this.#state = 'due';
    // With all other lines of this turn of the event loop, behind its work.
    setImmediate(this.#next);
  }

  /** Writes what waits, as far as that can be done in a second. What comes later is written at once or not at all. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    await new Promise<void>((resolve) => {
      // This timer keeps the process alive, as the retries do not.
      const timer = setTimeout(resolve, FLUSH_MS);
      this.#closing = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#state === 'idle') this.#closing();
      else if (this.#state === 'retrying') this.#next();
    });
    if (this.#state === 'writing') return;
    this.#state = 'closed';
    process.removeListener('exit', this.#onExit);
  }

  readonly #next = (): void => {
    if (this.#state === 'closed' || this.#state === 'writing') return;
    const bytes = this.#rest ?? this.#takeChunk();
    if (bytes === undefined) {
      this.#rested();
      return;
    }
    this.#rest = bytes;
    this.#state = 'writing';
    this.#writingSinceMs = this.#clock.now();
    write(this.#fd, bytes, 0, bytes.length, null, this.#onWritten);
  };

  readonly #onWritten = (error: NodeJS.ErrnoException | null, writtenBytes: number): void => {
    const isBehind = error === null ? writtenBytes === 0 : error.code === 'EAGAIN';
    if (error === null && this.#rest !== undefined) {
      const rest = this.#rest.subarray(writtenBytes);
      this.#rest = rest.length === 0 ? undefined : rest;
    }
    this.#trouble = error === null || isBehind ? undefined : error.message;
    this.#state = 'retrying';
    if (this.#trouble !== undefined && this.#closing !== undefined) this.#closing();
    else if (this.#trouble !== undefined) this.#clock.after(TROUBLE_RETRY_MS, this.#next);
    else if (isBehind) this.#clock.after(SLOW_RETRY_MS, this.#next);
    else this.#next();
  };

  #takeChunk(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    this.#waitingChars -= chunk.length;
    return Buffer.from(chunk);
  }

  /** All is written. */
  #rested(): void {
    this.#state = 'idle';
    const lost = this.#lost;
    if (lost !== undefined) {
      this.#lostBefore += lost.lines;
      this.#lost = undefined;
      this.onWorksAgain(lost);
    }
    if (this.#chunks.length === 0) this.#closing?.();
  }

  #lose(): void {
    const { lines, sinceMs, reason } = this.#lost ?? {
      lines: 0,
      sinceMs: this.#clock.wallMs(),
      reason: this.#trouble ?? 'the reader of the log was too slow',
    };
    this.#lost = { lines: lines + 1, sinceMs, reason };
  }

  /** The last lines of a process that ends without a word, as after an exception that nobody caught. */
  readonly #onExit = (): void => {
    if (this.#state === 'writing' && this.#clock.now() - this.#writingSinceMs >= FLUSH_MS) {
      // The kernel does not end a write, and libuv lets no process exit before its threads have ended.
      process.kill(process.pid, 'SIGKILL');
    }
    // What is being written right now will be: libuv waits for it.
    let bytes = this.#state === 'writing' ? this.#takeChunk() : (this.#rest ?? this.#takeChunk());
    if (this.#trouble !== undefined) bytes = undefined;
    this.#state = 'closed';
    for (; bytes !== undefined; bytes = this.#takeChunk()) if (!this.#writeNow(bytes)) return;
  };

  /** Whether it was written: now or never. */
  #writeNow(bytes: Buffer): boolean {
    try {
      return writeSync(this.#fd, bytes) === bytes.length;
    } catch {
      return false;
    }
  }
}

/**
 * The descriptor, opened once more if it is a pipe or a terminal, so that a write never waits in the kernel for a reader:
 * whether it does is a property of what was opened, which other processes share and may change. A socket cannot be opened
 * again; Node has it not wait since `process.stdout` was first looked at.
 */
function withoutBlocking(fd: number): number {
  try {
    const file = fstatSync(fd);
    if (!file.isFIFO() && !file.isCharacterDevice()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}
