// The client side of Exec, Attach and PortForward: a WebSocket to the URL that the runtime gave, with the protocol
// v4.channel.k8s.io, in which the first byte of each message names a channel.
import { once } from 'node:events';
import WebSocket from 'ws';

// Of Exec and Attach: stdin, stdout, stderr and the final status. PortForward has one for the data of its first port,
// both ways, and one for errors.
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, portData: 0, portError: 1 } as const;

/** An open stream into a container. */
export class CriStream implements Disposable {
  private readonly socket: WebSocket;
  private readonly received: Buffer[][] = [[], [], [], []];
  private readonly closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (message: Buffer) => {
      const channel = message[0];
      if (channel !== undefined) this.received[channel]?.push(message.subarray(1));
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Opens the stream at a URL of ExecResponse, AttachResponse or PortForwardResponse. */
  static async open(url: string): Promise<CriStream> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), ['v4.channel.k8s.io']);
    const stream = new CriStream(socket);
    await once(socket, 'open');
    return stream;
  }

  /** What came so far on a channel. */
  text(channel: Exclude<keyof typeof CHANNEL, 'stdin'>): string {
    return Buffer.concat(this.received[CHANNEL[channel]] ?? []).toString();
  }

  /** Sends to stdin, or to the forwarded port. */
  send(text: string): void {
    this.socket.send(Buffer.concat([Buffer.of(CHANNEL.stdin), Buffer.from(text)]));
  }

  /** Resolves when the other side has closed the stream. */
  end(): Promise<void> {
    return this.closed;
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}
