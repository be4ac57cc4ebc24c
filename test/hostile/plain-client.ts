// A well-behaved client of any server of HTTP/2: one small POST after the other on node:http2. What counts is that an
// answer comes, whatever it is.
import http2 from 'node:http2';
import net from 'node:net';
import { pause } from './attack-connection.ts';

const DEADLINE_MS = 5_000;
const PAUSE_MS = 5;
const REQUEST = {
  ':method': 'POST',
  ':path': '/runtime.v1.RuntimeService/Version',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const EMPTY_MESSAGE = Buffer.alloc(5);

/** Where a server listens: a path, or a port of the loopback address. */
function dial(address: string): net.Socket {
  return /^\d+$/.test(address) ? net.connect(Number(address), '127.0.0.1') : net.connect(address);
}

export class PlainClient {
  calls = 0;
  failed = 0;
  private readonly address: string;
  private session: http2.ClientHttp2Session | undefined;
  private isOver = false;
  private loop: Promise<void> = Promise.resolve();

  constructor(address: string) {
    this.address = address;
  }

  /** Whether a server takes connections there. */
  static isServed(address: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = dial(address);
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
  }

  /** Calls until end(). */
  begin(): void {
    this.loop = (async () => {
      while (!this.isOver) {
        this.calls++;
        await this.call().catch(() => {
          this.failed++;
          this.leave();
        });
        await pause(PAUSE_MS);
      }
    })();
  }

  /** Resolves when the last call is over. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.loop;
    this.leave();
  }

  /** One call; rejects when no answer comes. */
  call(): Promise<void> {
    const session = this.connected();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), DEADLINE_MS);
      const stream = session.request(REQUEST);
      const settle = (act: () => void) => () => {
        clearTimeout(timer);
        act();
      };
      stream.once('response', settle(resolve));
      stream.once(
        'error',
        settle(() => reject(new Error('an error'))),
      );
      stream.once(
        'close',
        settle(() => reject(new Error('the end'))),
      );
      stream.resume();
      stream.end(EMPTY_MESSAGE);
    });
  }

  private connected(): http2.ClientHttp2Session {
    if (this.session === undefined || this.session.closed || this.session.destroyed) {
      this.session = http2.connect('http://localhost', { createConnection: () => dial(this.address) });
      this.session.on('error', () => {});
    }
    return this.session;
  }

  private leave(): void {
    this.session?.destroy();
    this.session = undefined;
  }
}
