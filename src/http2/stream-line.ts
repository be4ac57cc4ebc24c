// Streams with queued DATA that wait until they may send. Each knows its neighbours, so that it leaves the line in one step
// whenever it ends: what a closed stream held is free at once, however long the peer keeps its windows shut.
import type { Stream } from './stream.ts';

/** Streams in the order in which they came; each stands in at most one line. */
export class StreamLine {
  first: Stream | undefined;
  /** How many there are. */
  size = 0;
  private last: Stream | undefined;

  /** Puts a stream at the end, out of the line in which it stood before; it keeps its place when that is this one. */
  add(stream: Stream): void {
    if (stream.line === this) return;
    stream.line?.remove(stream);
    stream.line = this;
    stream.ahead = this.last;
    if (this.last === undefined) this.first = stream;
    else this.last.behind = stream;
    this.last = stream;
    this.size++;
  }

  /** Takes out a stream that stands in this line. */
  remove(stream: Stream): void {
    const { ahead, behind } = stream;
    if (ahead === undefined) this.first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.last = ahead;
    else behind.ahead = ahead;
    stream.line = undefined;
    stream.ahead = undefined;
    stream.behind = undefined;
    this.size--;
  }

  /** Takes out the first; undefined when there is none. */
  shift(): Stream | undefined {
    const { first } = this;
    if (first !== undefined) this.remove(first);
    return first;
  }
}
