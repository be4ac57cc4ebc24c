// A unix socket that passes bytes on to another one and lets a test look at them, hold them back, or cut everything.
import net from 'node:net';

/** Which way bytes go. */
export type Direction = 'to target' | 'from target';

export class SocketPipe implements AsyncDisposable {
  /** Told of each piece before it goes on; false: it is dropped. Default: everything goes on. */
  onBytes: (bytes: Buffer, direction: Direction) => boolean = () => true;
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.server = server;
  }

  /** Listens on `path` and connects to `target` for each connection. */
  static async open(path: string, target: string): Promise<SocketPipe> {
    const server = net.createServer();
    const pipe = new SocketPipe(server);
    server.on('connection', (near) => {
      const far = net.connect(target);
      pipe.join(near, far, 'to target');
      pipe.join(far, near, 'from target');
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return pipe;
  }

  /** Ends all connections; new ones are taken. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(from: net.Socket, to: net.Socket, direction: Direction): void {
    this.sockets.add(from);
    from.on('data', (bytes: Buffer) => {
      if (this.onBytes(bytes, direction)) to.write(bytes);
    });
    // Errors are followed by the close.
    from.on('error', () => undefined);
    from.once('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}
