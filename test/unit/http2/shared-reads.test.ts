import { once } from 'node:events';
import net from 'node:net';
import { expect, it } from 'vitest';
import { SHARED_READ_BUFFER } from '../../../src/http2/frame-reader.ts';
import { ServerConnection } from '../../../src/http2/server.ts';
import { readingShared } from '../../../src/http2/shared-reads.ts';
import { recordingServer } from '../../support/http2-recorder.ts';
import { tempDir } from '../../support/temp-dir.ts';

it('has an accepted socket read into the shared buffer', async () => {
  await using dir = await tempDir();
  let text = '';
  const sockets: net.Socket[] = [];
  const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
    const socket = readingShared(accepted, (sizeBytes) => {
      text += SHARED_READ_BUFFER.toString('latin1', 0, sizeBytes);
      return true;
    });
    expect(socket).toBeDefined();
    sockets.push(accepted, socket as net.Socket);
  });
  server.listen(dir.file('s'));
  await once(server, 'listening');
  const client = net.connect(dir.file('s'));
  client.write('hello');
  await expect.poll(() => text).toBe('hello');
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  client.destroy();
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('leaves a socket as it is when Node does not keep its handle where we look', () => {
  const socket = new net.Socket();
  expect(readingShared(socket, () => true)).toBeUndefined();
  expect(socket.destroyed).toBe(false);
});

it('lets the server close without the sockets it gave away, and tells when a client has left', async () => {
  await using server = await recordingServer();
  const client = net.connect(server.path);
  await once(client, 'connect');
  client.end();
  await expect.poll(() => server.closes).toHaveLength(1);
  expect(server.closes[0]).toMatchObject({ reason: 'the peer closed the connection', error: undefined });
});

it('reads a socket that was not paused too, from its own events', async () => {
  const closes: string[] = [];
  const accepted = new net.Socket(); // no handle: as on a Node that keeps it elsewhere
  const connection = ServerConnection.accept(accepted, {
    accept: () => {
      throw new Error('no stream is opened here');
    },
    onClose: (reason) => closes.push(reason),
  });
  accepted.emit('data', Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  expect(closes).toEqual(['PROTOCOL_ERROR: the connection does not begin with the HTTP/2 preface']);
  connection.close();
});
