import { once } from 'node:events';
import net from 'node:net';
import { expect, it } from 'vitest';
import { ServerConnection } from '../../../src/http2/server.ts';
import { readingShared } from '../../../src/http2/shared-reads.ts';
import { recordingServer } from '../../support/http2-recorder.ts';

it('leaves a socket as it is when Node does not keep its handle where we look', () => {
  const socket = new net.Socket();
  expect(readingShared(socket, () => {})).toBeUndefined();
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
