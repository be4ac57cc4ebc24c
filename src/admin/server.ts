// The admin side: metrics and health over HTTP, on its own address beside the CRI socket. start.ts loads it after that
// socket answers, by a dynamic import, because fastify and prom-client take longer to load than a first call takes.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { Clock } from '../clock.ts';
import { StartError } from '../errors.ts';
import type { ConnectionLimit } from '../listeners/connection-limit.ts';
import { SocketFile } from '../proxy/socket-file.ts';
import { createExposition } from '../telemetry/exposition.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { AdminConnections } from './connections.ts';
import { FOREIGN_HOST, isOwnHost } from './host-check.ts';
import { Scrapes } from './scrapes.ts';

/** Where the admin side listens. Port 0 takes any free port. */
export type AdminAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** The answer of /readyz. */
export interface Readiness {
  /** Whether the kubelet may be pointed here: clients find the socket, and lists of pods can be given. */
  readonly isReady: boolean;
  /** Why not; left out when ready. */
  readonly reason?: string;
  /** Why the state directory can't be written; left out when it can. */
  readonly journal?: string;
  /** Why clients do not find the CRI socket; left out when they do. */
  readonly socket?: string;
  readonly backends: readonly BackendReadiness[];
}

/** One backend in the answer of /readyz. */
export interface BackendReadiness {
  readonly name: string;
  /** Whether it answers now. */
  readonly isUp: boolean;
  /** Whether its part of a list of pods can be given: from its own answer, or from what it last said. */
  readonly isListed: boolean;
  readonly detail: string;
  /** What to do; left out when it is listed. */
  readonly hint?: string;
}

export interface AdminOptions {
  readonly address: AdminAddress;
  readonly metrics: Metrics;
  readonly readiness: () => Readiness;
  readonly log: Logger;
  readonly clock: Clock;
  /** Connections that clients may have. */
  readonly limit: ConnectionLimit;
}

/** The running admin side. */
export interface AdminServer {
  /** Where it listens, as a URL or unix://path; with the real port when 0 was asked for. */
  readonly address: string;
  /** Connections are cut. */
  close(): Promise<void>;
}

/**
 * Starts /metrics, /livez and /readyz. Throws StartError when the address is taken; the socket file of a process that
 * is gone is replaced. A unix socket is for its owner alone.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { address, log } = options;
  const connections = new AdminConnections(options);
  const server = fastify({
    // No logger: answers here are frequent (scrapes, probes), and a line for each would drown the log.
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handler) => connections.guard(http.createServer(handler)),
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  });
  server.addHook('onRequest', async (request, reply) => {
    reply.header('connection', 'close');
    // Before fastify waits for a body, of which nothing is read.
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return reply.code(405).header('allow', 'GET, HEAD').send({ error: 'ask with GET' });
    if (!isOwnHost(address, request.headers.host)) return reply.code(421).send({ error: FOREIGN_HOST });
    return undefined;
  });
  addHealth(server, options.readiness);
  addMetrics(server, options);
  server.setErrorHandler(async (error, request, reply) => {
    const { message, statusCode = 500 } = error as Error & { statusCode?: number };
    if (statusCode >= 500) log.error({ err: error, path: request.routeOptions.url }, 'admin request failed');
    return reply.code(statusCode).send({ error: message });
  });
  server.setNotFoundHandler(async (_request, reply) =>
    reply.code(404).send({ error: 'not found', paths: ['/metrics', '/livez', '/readyz'] }),
  );
  let file: SocketFile | undefined;
  let second: net.Server | undefined;
  try {
    if (address.kind === 'unix') file = await listenOnSocket(server, address.path);
    else await server.listen({ host: address.host, port: address.port });
    if (address.kind === 'tcp' && address.host === 'localhost') second = await listenBeside(server.server);
  } catch (error) {
    await server.close();
    const { code, message } = error as NodeJS.ErrnoException;
    const text = code === 'EADDRINUSE' ? 'another program already listens there' : message;
    throw new StartError(`the admin side cannot listen on ${toText(address)}: ${text}`, {
      hint: 'Change admin.address in the config, or end the program that holds the address',
      cause: error,
    });
  }
  // As when no descriptor is left to accept with: unheard it would end the process.
  for (const each of [server.server, second])
    each?.on('error', (error) => log.error({ err: error }, 'the admin side has an error'));
  return {
    address: toText(listeningAddress(server, address)),
    close: async () => {
      await file?.remove();
      connections.close();
      second?.close();
      await server.close();
    },
  };
}

/**
 * Stands for the compilers of schemas. No route has one, and fastify's own would be loaded all the same: a megabyte for
 * nothing. So scripts/build.mjs leaves them out.
 */
function noSchemas(): () => never {
  return () => {
    throw new Error('the admin side has no schemas');
  };
}

function listenOnSocket(server: FastifyInstance, socket: string): Promise<SocketFile> {
  return SocketFile.make({
    ...{ socket, mode: 0o600, setting: 'admin.address' },
    listen: async (draft) => {
      await server.listen({ path: draft });
    },
  });
}

/**
 * `localhost` is two addresses. Fastify listens on the second one only if no server is made for it; clients take either.
 * Undefined where that one cannot be had, as without IPv6.
 */
async function listenBeside(main: http.Server): Promise<net.Server | undefined> {
  const { family, port } = main.address() as net.AddressInfo;
  const second = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    main.emit('connection', socket),
  );
  try {
    await once(second.listen({ host: family === 'IPv6' ? '127.0.0.1' : '::1', port }), 'listening');
    return second;
  } catch {
    return undefined;
  }
}

function addHealth(server: FastifyInstance, readiness: () => Readiness): void {
  server.get('/livez', async (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'));
  server.get('/readyz', async (_request, reply) => {
    const answer = readiness();
    return reply.code(answer.isReady ? 200 : 503).send(answer);
  });
}

function addMetrics(server: FastifyInstance, { metrics, clock }: AdminOptions): void {
  const registry = createExposition(metrics);
  const scrapes = new Scrapes(registry, clock);
  server.get('/metrics', async (_request, reply) => {
    const text = await scrapes.text();
    if (text !== undefined) return reply.type(registry.contentType).send(text);
    return reply.code(503).header('retry-after', '1').send({ error: 'too many scrapes in this second' });
  });
}

function listeningAddress(server: FastifyInstance, asked: AdminAddress): AdminAddress {
  const actual = server.server.address();
  if (asked.kind === 'unix' || actual === null || typeof actual === 'string') return asked;
  return { kind: 'tcp', host: asked.host, port: actual.port };
}

function toText(address: AdminAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `http://${host}:${address.port}`;
}
