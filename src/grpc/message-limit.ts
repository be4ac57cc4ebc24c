// Holds messages that only pass by to the size limit, without collecting them: it reads their prefixes as they go.
import { MessageTooLargeError } from '../errors.ts';
import { PREFIX_BYTES } from './message.ts';

export class MessageLimit {
  private readonly limitBytes: number;
  private readonly what: string;
  /** Bytes of the message at hand that are still to come. */
  private leftBytes = 0;
  private prefixBytes = 0;
  private sizeBytes = 0;

  /** `what` names the message in errors, for example "the reply of backend a". */
  constructor(limitBytes: number, what: string) {
    this.limitBytes = limitBytes;
    this.what = what;
  }

  /** Takes the next bytes of a stream. Throws MessageTooLargeError as soon as a prefix says too much. */
  pass(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.leftBytes > 0) {
        const part = Math.min(this.leftBytes, end - at);
        this.leftBytes -= part;
        at += part;
        continue;
      }
      // The first byte of a prefix tells of compression, which is the client's affair here.
      if (this.prefixBytes > 0) this.sizeBytes = this.sizeBytes * 256 + (buffer[at] as number);
      at++;
      this.prefixBytes++;
      if (this.prefixBytes < PREFIX_BYTES) continue;
      if (this.sizeBytes > this.limitBytes) {
        throw new MessageTooLargeError(
          `${this.what} has ${this.sizeBytes} bytes, the limit is ${this.limitBytes} bytes`,
          { hint: 'Raise limits.messageSize in the config, and the limit of the client' },
        );
      }
      this.leftBytes = this.sizeBytes;
      this.prefixBytes = 0;
      this.sizeBytes = 0;
    }
  }
}
