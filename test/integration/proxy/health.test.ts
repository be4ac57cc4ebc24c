// The health of Switchyard over gRPC, as a node agent asks for it on the CRI socket.
import { rm, writeFile } from 'node:fs/promises';
import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { type ProxyWorld, proxyWorld } from '../../support/proxy-world.ts';
import { until } from '../../support/until.ts';

interface Answer {
  readonly status: string;
}

interface HealthClient {
  check(request: { service: string }, done: (error: ServiceError | null, answer?: Answer) => void): void;
  watch(request: { service: string }): ClientReadableStream<Answer>;
  list(request: object, done: (error: ServiceError | null) => void): void;
  close(): void;
}

/** grpc.health.v1, as the health checking protocol of gRPC defines it. */
const SERVICE = fromJSON(
  {
    nested: {
      grpc: {
        nested: {
          health: {
            nested: {
              v1: {
                nested: {
                  Request: { fields: { service: { type: 'string', id: 1 } } },
                  Answer: {
                    fields: { status: { type: 'Serving', id: 1 } },
                    nested: {
                      Serving: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } },
                    },
                  },
                  Health: {
                    methods: {
                      Check: { requestType: 'Request', responseType: 'Answer', comment: '' },
                      Watch: {
                        requestType: 'Request',
                        responseType: 'Answer',
                        comment: '',
                        responseStream: true,
                      },
                      List: { requestType: 'Request', responseType: 'Answer', comment: '' },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
  { enums: String, defaults: true },
);

let world: ProxyWorld;
let client: HealthClient;

beforeEach(async () => {
  // Who holds up the end of Switchyard would do so for longer than a test lasts.
  const patient = (config: Config): Config => ({ ...config, shutdownGraceMs: 600_000 });
  world = await proxyWorld([{ name: 'one', profile: 'containerd-2.1' }], patient);
  client = newClient();
});

/** A client with a connection of its own. */
function newClient(): HealthClient {
  const { grpc } = loadPackageDefinition(SERVICE) as unknown as {
    grpc: {
      health: { v1: { Health: new (address: string, how: unknown, options: object) => HealthClient } };
    };
  };
  return new grpc.health.v1.Health(`unix:${world.switchyard.socket}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
}

afterEach(async () => {
  client.close();
  await world[Symbol.asyncDispose]();
});

const check = (service = '') =>
  new Promise<string>((resolve) =>
    client.check({ service }, (error, answer) =>
      resolve(error === null ? `${answer?.status}` : `code ${error.code}`),
    ),
  );

/** What a watch has said so far; its end is the last word. */
function watch(service = ''): { readonly said: string[]; cancel(): void } {
  const said: string[] = [];
  const stream = client.watch({ service });
  stream.on('data', (answer: Answer) => said.push(answer.status));
  stream.on('error', (error: ServiceError) => said.push(`code ${error.code}`));
  return { said, cancel: () => stream.cancel() };
}

/** The backend was listed. */
const served = () => until(async () => (await check()) === 'SERVING', 'the backend is listed');

describe('Check', () => {
  it.each(['', 'runtime.v1.RuntimeService', 'runtime.v1.ImageService', 'runtime.v1alpha2.ImageService'])(
    'of "%s" says what /readyz says: SERVING also while a backend is away that was listed',
    async (service) => {
      await served();
      await world.runtime('one').close();
      await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'it is gone');
      expect(await check(service)).toBe('SERVING');
      await world.restart('one', 'forgetting');
      expect(await check(service)).toBe('NOT_SERVING');
    },
  );

  it.each(['grpc.health.v1.Health', 'runtime.v1.Runtime', 'x'.repeat(100_000)])(
    'is NOT_FOUND for a service that is not here',
    async (service) => {
      expect(await check(service)).toBe(`code ${status.NOT_FOUND}`);
    },
  );
});

describe('Watch', () => {
  it('says it at once and when it changes, each once', async () => {
    await world.runtime('one').close();
    await world.restart('one', 'forgetting');
    const { said } = watch('runtime.v1.RuntimeService');
    await until(() => said.length === 1, 'the first word');
    await world.replaceRuntime('one', 'containerd-2.1');
    await until(() => said.length === 2, 'the backend is listed');
    await world.runtime('one').close();
    await until(() => world.lines.some(({ text }) => text === 'backend is absent'), 'it is gone');
    const later = watch();
    await until(() => later.said.length === 1, 'it is asked again');
    expect([said, later.said]).toEqual([['NOT_SERVING', 'SERVING'], ['SERVING']]);
  });

  it('says that clients do not find the socket any more, although no backend has turned', async () => {
    await served();
    const { said } = watch();
    await until(() => said.length === 1, 'the first word');
    const { socket } = world.switchyard;
    await rm(socket);
    await writeFile(socket, '');
    await until(() => said.length === 2, 'it is found out');
    expect(said).toEqual(['SERVING', 'NOT_SERVING']);
  });

  it('of a service that is not here stays open with SERVICE_UNKNOWN', async () => {
    await world.runtime('one').close();
    await world.restart('one', 'forgetting');
    const unknown = watch('no.such.Service');
    const known = watch();
    await until(() => unknown.said.length === 1, 'the first word');
    await world.replaceRuntime('one', 'containerd-2.1');
    await until(() => known.said.length === 2, 'the backend is listed');
    expect(unknown.said).toEqual(['SERVICE_UNKNOWN']);
  });

  it('is bounded: the 65th watcher is refused, until one leaves', async () => {
    await served();
    const watches = Array.from({ length: 64 }, () => watch());
    await until(() => watches.every(({ said }) => said.length === 1), 'all have the first word');
    const late = watch();
    await until(() => late.said.length === 1, 'it is refused');
    expect(late.said).toEqual([`code ${status.RESOURCE_EXHAUSTED}`]);
    watches[0]?.cancel();
    await until(async () => {
      const next = watch();
      await until(() => next.said.length === 1, 'it is answered');
      return next.said[0] === 'SERVING';
    }, 'there is room');
  });

  it('of another client takes the place of one that has many', async () => {
    await served();
    const watches = Array.from({ length: 64 }, () => watch());
    await until(() => watches.every(({ said }) => said.length === 1), 'all have the first word');
    const other = newClient();
    const said: string[] = [];
    other
      .watch({ service: '' })
      .on('data', (answer: Answer) => said.push(answer.status))
      .on('error', () => undefined);
    await until(() => said.length === 1, 'it has its first word');
    expect(watches.filter(({ said: words }) => words.length === 2)).toHaveLength(1);
    other.close();
  });

  it('ends when Switchyard stops, with NOT_SERVING as the last word, and holds nothing up', async () => {
    await served();
    const { said } = watch();
    await until(() => said.length === 1, 'the first word');
    await world.switchyard.close();
    await until(() => said.length === 3, 'it ends');
    expect(said).toEqual(['SERVING', 'NOT_SERVING', `code ${status.UNAVAILABLE}`]);
  });
});

it('List is UNIMPLEMENTED', async () => {
  const code = await new Promise((resolve) => client.list({}, (error) => resolve(error?.code)));
  expect(code).toBe(status.UNIMPLEMENTED);
});
