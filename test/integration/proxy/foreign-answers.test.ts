// A backend that answers some calls as a web server does, in the middle of its life.
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import {
  answerStatus,
  answerVersion,
  answerWith,
  type Http2Backend,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const ID = 'c'.repeat(64);
const LISTS: Readonly<Record<string, Uint8Array>> = {
  ListContainers: codecOf('ListContainers').encodeResponse({ containers: [{ id: ID }] }),
  ListPodSandbox: Buffer.alloc(0),
  ListImages: Buffer.alloc(0),
};
const PAGE = '<html><head><title>503 Service Temporarily Unavailable</title></head></html>';

describe('an answer that is HTTP and no gRPC', () => {
  let dir: TempDir;
  let runtime: Http2Backend;
  let switchyard: Switchyard;
  let client: CriClient;
  let answer: ((call: Http2Call) => void) | undefined;

  beforeEach(async () => {
    dir = await tempDir();
    answer = undefined;
    runtime = await http2Backend(dir.file('one.sock'), (call) => {
      const list = LISTS[call.rpc];
      if (call.rpc === 'Version') answerVersion(call);
      else if (answer !== undefined) answer(call);
      else if (list !== undefined) answerWith(call, list);
      else answerStatus(call, status.UNIMPLEMENTED, 'no');
    });
    const lines: LogLine[] = [];
    const config = configOf(dir, [{ name: 'one', profile: 'reference' }]);
    switchyard = await startSwitchyard({ config, log: recorder(lines) });
    client = new CriClient(switchyard.socket);
    await until(async () => {
      const { containers } = await client.call('ListContainers', {}).catch(() => ({ containers: [] }));
      return containers.length === 1;
    }, 'it is listed');
  });

  afterEach(async () => {
    client.close();
    await switchyard.close();
    await runtime[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const page =
    (httpStatus: number, contentType: string | undefined, body = PAGE) =>
    ({ stream }: Http2Call) => {
      stream.respond({ ':status': httpStatus, ...(contentType && { 'content-type': contentType }) });
      stream.end(body);
    };
  const relayed = ['ContainerStatus', { containerId: ID }] as const;
  const collected = ['RemoveContainer', { containerId: ID }] as const;

  it.each([
    ['relayed', 503, 'text/html', status.UNAVAILABLE, relayed],
    ['relayed', 404, 'text/plain; charset=utf-8', status.UNIMPLEMENTED, relayed],
    ['relayed', 200, 'text/html', status.UNKNOWN, relayed],
    ['collected', 503, 'text/html', status.UNAVAILABLE, collected],
    ['collected', 500, 'application/json', status.UNKNOWN, collected],
  ] as const)(
    'ends a %s call by its HTTP status, %i with %s',
    async (_, httpStatus, type, code, [rpc, request]) => {
      answer = page(httpStatus, type);
      await expect(client.call(rpc, request)).rejects.toMatchObject({
        code,
        details: expect.stringContaining(`backend one answered HTTP ${httpStatus} with ${type}, not gRPC`),
      });
    },
  );

  it('is not read as a message, even when it begins like one', async () => {
    answer = page(200, 'text/html', '\0\0\0\0\0');
    await expect(client.call(...relayed)).rejects.toMatchObject({ code: status.UNKNOWN });
    await expect(client.call(...collected)).rejects.toMatchObject({ code: status.UNKNOWN });
  });

  it('ends a call without a body, too', async () => {
    answer = ({ stream }) =>
      stream.respond({ ':status': 502, 'content-type': 'text/html' }, { endStream: true });
    await expect(client.call(...relayed)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('backend one answered HTTP 502 with text/html'),
    });
  });

  it('stands in for no list: the snapshot does', async () => {
    answer = page(503, 'text/html');
    const { containers } = await client.call('ListContainers', {});
    expect(containers.map(({ id }) => id)).toEqual([ID]);
  });

  it('leaves a status of gRPC alone, whatever HTTP says beside it', async () => {
    answer = ({ stream }) =>
      stream.respond({ ':status': 503, 'grpc-status': '7', 'grpc-message': 'not you' }, { endStream: true });
    await expect(client.call(...relayed)).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: 'not you',
    });
  });
});
