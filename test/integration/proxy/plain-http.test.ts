// Requests that are no gRPC on the CRI socket: somebody looks what is there, with curl or a browser.
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeaderClient } from '../../support/header-client.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';

/** What an HTTP client of Node gets. */
function ask(socket: string, headers: http2.OutgoingHttpHeaders) {
  const session = http2.connect('http://localhost', { createConnection: () => net.connect(socket) });
  return new Promise<{ status: number | undefined; type: string | undefined; text: string }>(
    (resolve, reject) => {
      const stream = session.request(headers, { endStream: true });
      let text = '';
      let head: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
      stream.on('response', (got) => {
        head = got;
      });
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      stream.on('error', reject);
      stream.on('end', () => resolve({ status: head[':status'], type: head['content-type'], text }));
    },
  ).finally(() => session.close());
}

describe('a request that is no gRPC', () => {
  let world: ProxyWorld;

  beforeEach(async () => {
    world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }]);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  it.each([
    [{ ':method': 'GET', ':path': '/' }],
    [{ ':method': 'POST', ':path': '/metrics', 'content-type': 'application/json' }],
  ])('is told in HTTP what the socket is for: %j', async (headers) => {
    expect(await ask(world.switchyard.socket, headers)).toEqual({
      status: 415,
      type: 'text/plain; charset=utf-8',
      text: 'switchyard: this socket serves CRI over gRPC and nothing else. Ask it with crictl or another CRI client\n',
    });
  });

  it('gets headers alone for HEAD', async () => {
    const reply = await ask(world.switchyard.socket, { ':method': 'HEAD', ':path': '/' });
    expect(reply).toMatchObject({ status: 415, text: '' });
  });
});

it('a gRPC call of an unknown path is UNIMPLEMENTED in gRPC', async () => {
  await using world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }]);
  using client = new HeaderClient(world.switchyard.socket);
  const { code, message } = await client.callPath('/a.B/C');
  expect([code, message]).toEqual([12, 'switchyard: unknown path /a.B/C']);
});
