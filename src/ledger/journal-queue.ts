// Records on their way to the journal's file. A list of thousands makes as many of them at once, so short ones are put
// together. Long messages among them are not copied: their memory is held until they are written.
import { holdMemory, releaseMemory } from '../grpc/message-memory.ts';
import { encodeRecord, type NewEntry } from './journal-format.ts';

const CHUNK_BYTES = 16 * 1024;

export class JournalQueue {
  private parts: Buffer[] = [];
  private held: Buffer[] = [];
  /** Short records; chunk[from, at) is not among the parts yet. */
  private chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private from = 0;
  private at = 0;
  /** Of the file that the records are for. */
  private key = 0;
  private fileAt = 0;

  get isEmpty(): boolean {
    return this.parts.length === 0 && this.at === this.from;
  }

  /** What is pushed from now on will be written to the file of this key, from this byte on. Nothing may be waiting. */
  startAt(key: number, fileAt: number): void {
    this.key = key;
    this.fileAt = fileAt;
  }

  push(entry: NewEntry): void {
    const { message } = entry;
    for (const part of encodeRecord(entry, this.key, this.fileAt)) {
      this.fileAt += part.length;
      if (part === message) this.reference(part);
      else this.copy(part);
    }
  }

  /** Hands out all that waits; the parts are valid until `write` returns. */
  drain(write: (parts: readonly Buffer[]) => void): void {
    this.cut();
    const { parts, held } = this;
    this.parts = [];
    this.held = [];
    write(parts);
    this.from = 0;
    this.at = 0;
    for (const message of held) releaseMemory(message);
  }

  private reference(message: Buffer): void {
    this.cut();
    this.parts.push(message);
    holdMemory(message);
    this.held.push(message);
  }

  private copy(part: Buffer): void {
    if (part.length > this.chunk.length - this.at) {
      this.cut();
      this.chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, part.length));
      this.from = 0;
      this.at = 0;
    }
    this.at += part.copy(this.chunk, this.at);
  }

  private cut(): void {
    if (this.at > this.from) this.parts.push(this.chunk.subarray(this.from, this.at));
    this.from = this.at;
  }
}
