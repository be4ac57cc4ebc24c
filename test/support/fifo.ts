// A named pipe between a test and a program: the test decides when it is read and when its reader goes away.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';

export class Fifo implements Disposable {
  /** For the program to write to. */
  readonly writeEnd: number;
  private readEnd: number | undefined;

  /** Makes it at `path`, with both ends open. */
  constructor(path: string) {
    execFileSync('mkfifo', [path]);
    this.readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writeEnd = openSync(path, constants.O_WRONLY);
  }

  /** All that can be read now. */
  read(): string {
    const parts: Buffer[] = [];
    for (;;) {
      const part = Buffer.alloc(64 * 1024);
      const sizeBytes = this.readNow(part);
      if (sizeBytes === 0) return Buffer.concat(parts).toString();
      parts.push(part.subarray(0, sizeBytes));
    }
  }

  /** There is no reader from now on. */
  closeReader(): void {
    if (this.readEnd !== undefined) closeSync(this.readEnd);
    this.readEnd = undefined;
  }

  [Symbol.dispose](): void {
    this.closeReader();
    closeSync(this.writeEnd);
  }

  private readNow(into: Buffer): number {
    if (this.readEnd === undefined) throw new Error('the reader was closed');
    try {
      return readSync(this.readEnd, into);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}
