// The unix socket of a simulated runtime. Connections are handed to grpc-js, but belong to us, so they can be cut.

import { existsSync, renameSync, rmSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { StartError } from '../errors.ts';

/** How long calls in flight may take after close(). */
const GRACE_MS = 1000;

/** A listening socket with a gRPC server behind it. Lives once: after close() or crash() a new one is needed. */
export class Endpoint {
  readonly #path: string;
  readonly #server: Server;
  readonly #injector: ConnectionInjector;
  readonly #listener: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(path: string, server: Server) {
    this.#path = path;
    this.#server = server;
    this.#injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // A cut connection makes errors on both ends; they say nothing new.
      socket.on('error', () => undefined);
      this.#injector.injectConnection(socket);
    });
  }

  /** Binds the socket. A socket file left behind is removed; throws StartError without its folder. */
  static async open(path: string, server: Server): Promise<Endpoint> {
    const folder = dirname(path);
    // Node says "permission denied" of a socket in a folder that is not there.
    if (!existsSync(folder)) throw new StartError(`the directory of the socket ${path} does not exist`);
    const endpoint = new Endpoint(path, server);
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      endpoint.#listener.once('error', reject);
      endpoint.#listener.listen(path, resolve);
    });
    return endpoint;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Cuts all connections and goes on listening. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes no new calls, lets those in flight end within the grace time, removes the socket file. */
  async close(): Promise<void> {
    this.#listener.close();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GRACE_MS);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.#end();
  }

  /** Cuts all connections and leaves the socket file behind, as a killed process does. */
  crash(): void {
    // Node removes the file of a socket it closes; under another name it does not find it.
    const aside = `${this.#path}.aside`;
    renameSync(this.#path, aside);
    this.#listener.close();
    renameSync(aside, this.#path);
    this.#end();
  }

  #end(): void {
    this.cut();
    this.#server.forceShutdown();
  }
}
