// A client of streams on bare TCP, so that a test sees every byte and every end.
import { once } from 'node:events';
import net from 'node:net';

/** The beginning of a connection: one head with its empty line, and the bytes behind it that came along. */
export interface Opening {
  readonly head: string;
  readonly rest: Buffer;
}

/** Reads a head and pauses the socket; undefined when the other side ends before. */
export function headOf(socket: net.Socket): Promise<Opening | undefined> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const settle = (opening?: Opening) => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      socket.pause();
      resolve(opening);
    };
    const onEnd = () => settle();
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n') + 4;
      if (end >= 4) settle({ head: bytes.toString('latin1', 0, end), rest: bytes.subarray(end) });
    };
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).resume();
  });
}

/** A client's side of a stream. */
export interface ClientStream extends Opening {
  readonly socket: net.Socket;
}

/** Headers as the kubelet sends them to open a SPDY stream. */
export const SPDY_HEADERS: readonly string[] = [
  'User-Agent: kubelet',
  'Content-Length: 0',
  'Connection: Upgrade',
  'Upgrade: SPDY/3.1',
  'X-Stream-Protocol-Version: v4.channel.k8s.io',
  'x-Stream-protocol-version: v3.channel.k8s.io',
];

/** Connects to the host of a URL and writes the request, with `more` in the same packet. */
export async function request(
  url: string,
  options: { readonly method?: string; readonly headers?: readonly string[]; readonly more?: Buffer } = {},
): Promise<net.Socket> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const socket = net.connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port),
    allowHalfOpen: true,
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const lines = [
    `${options.method ?? 'POST'} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    ...(options.headers ?? SPDY_HEADERS),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.write(options.more === undefined ? head : Buffer.concat([head, options.more]));
  return socket;
}

/** Opens a stream: the request, and the head of its answer. Throws when there is no answer. */
export async function openStream(
  url: string,
  options?: Parameters<typeof request>[1],
): Promise<ClientStream> {
  const socket = await request(url, options);
  const opening = await headOf(socket);
  if (opening === undefined) throw new Error('the connection ended without an answer');
  return { socket, ...opening };
}

/** The status of an answer, and all of its body: the connection must end behind it. */
export async function answerOf(url: string, options?: Parameters<typeof request>[1]) {
  const { socket, head, rest } = await openStream(url, options);
  const body = Buffer.concat([rest, await restOf(socket)]).toString();
  socket.destroy();
  return { status: Number(head.split(' ')[1]), head, body };
}

/** All bytes until the other side ends. Throws when the connection breaks. */
export async function restOf(socket: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const broken = new Promise<never>((_, reject) =>
    socket.once('close', () => {
      if (!socket.readableEnded) reject(new Error('the connection broke'));
    }),
  );
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(socket, 'end');
  socket.resume();
  await Promise.race([ended, broken]);
  return Buffer.concat(chunks);
}
