// Clients that connect while Switchyard starts: the socket is there first, and they wait until they can be served.
import type net from 'node:net';

/** Takes connections from the listener, and hands them on once there is somebody to serve them. */
export class EarlyClients {
  private readonly atMost: number;
  private readonly waiting: net.Socket[] = [];
  private serve: ((socket: net.Socket) => void) | undefined;

  /** At most so many wait; more are turned away. */
  constructor(atMost: number) {
    this.atMost = atMost;
  }

  /** A client has connected. */
  accept(socket: net.Socket): void {
    if (this.serve !== undefined) {
      this.serve(socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    if (this.waiting.length < this.atMost) this.waiting.push(socket);
    else socket.destroy();
  }

  /** Has `serve` take those that wait and all that come. */
  handTo(serve: (socket: net.Socket) => void): void {
    this.serve = serve;
    for (const socket of this.waiting) serve(socket);
    this.waiting.length = 0;
  }
}
