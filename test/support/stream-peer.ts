// The streaming server of a container runtime, on bare TCP: a test says what it does with each request, byte by byte.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Certificate } from './self-signed.ts';
import { headOf } from './stream-client.ts';

export const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n';

/** A connection whose request has come; `rest` is what was sent behind its head. */
export interface PeerRequest {
  readonly socket: net.Socket;
  readonly head: string;
  readonly rest: Buffer;
}

export interface StreamPeer extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly PeerRequest[];
  /** What it does with a request; at first: it upgrades and sends everything back. */
  serve: (request: PeerRequest) => void;
}

/** Sends back what comes, each direction until its end. */
export function echo({ socket, rest }: PeerRequest): void {
  socket.write(SWITCHING);
  socket.write(rest);
  socket.pipe(socket);
}

/** Starts it on a free port of the loopback address, or of `host`. */
export async function streamPeer(
  options: { readonly host?: string; readonly certificate?: Certificate } = {},
): Promise<StreamPeer> {
  const sockets = new Set<net.Socket>();
  const requests: PeerRequest[] = [];
  const accept = (socket: net.Socket) => {
    socket.on('error', () => socket.destroy());
    void headOf(socket).then((message) => {
      if (message === undefined) return;
      const request = { socket, ...message };
      requests.push(request);
      peer.serve(request);
    });
  };
  const server =
    options.certificate === undefined
      ? net.createServer({ allowHalfOpen: true }, accept)
      : tls.createServer({ ...options.certificate, allowHalfOpen: true }, accept);
  // Of TLS, the connections below it: those whose handshake fails are known nowhere else.
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const peer: StreamPeer = {
    port: (server.address() as AddressInfo).port,
    requests,
    serve: echo,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return peer;
}
