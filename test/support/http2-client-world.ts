// A client connection of ours and a backend that a test plays by hand.
import net from 'node:net';
import { ClientConnection } from '../../src/http2/client.ts';
import { RawPeer } from './http2-raw-peer.ts';
import { type ClientLog, clientLog, Recorder, toFields } from './http2-recorder.ts';
import { tempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** The headers of a request. */
export const REQUEST = toFields([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
  [':authority', 'localhost'],
]);

/** The client, and the backend's end of its connection. */
export interface ClientWorld extends AsyncDisposable {
  readonly client: ClientConnection;
  readonly log: ClientLog;
  readonly backend: RawPeer;
  /** Opens a stream and sends a whole request on it. */
  call(): Recorder;
}

/** A client connection to a backend that is played by hand; it is ready when `hello` is given. */
export async function clientWorld(...hello: Buffer[]): Promise<ClientWorld> {
  const dir = await tempDir();
  let accepted: net.Socket | undefined;
  const server = net.createServer((socket) => {
    accepted = socket;
  });
  await new Promise<void>((resolve) => server.listen(dir.file('s'), resolve));
  const log = clientLog();
  const client = ClientConnection.connect(dir.file('s'), log);
  await until(() => accepted !== undefined, 'the client connected');
  const backend = new RawPeer(accepted as net.Socket, { expectsPreface: true });
  if (hello.length > 0) {
    backend.send(...hello);
    await until(() => log.isReady, 'the client is ready');
  }
  return {
    client,
    log,
    backend,
    call: () => {
      const recorder = new Recorder();
      recorder.stream = client.open(recorder);
      recorder.stream.sendHeaders(REQUEST, false);
      recorder.stream.sendData(Buffer.from('body'), 0, 4, true);
      return recorder;
    },
    async [Symbol.asyncDispose]() {
      client.close();
      backend[Symbol.dispose]();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await dir[Symbol.asyncDispose]();
    },
  };
}
