import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { type AdminServer, type Readiness, startAdmin } from '../../../src/admin/server.ts';
import { systemClock } from '../../../src/clock.ts';
import { StartError } from '../../../src/errors.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { limitFor } from '../../support/limit-for.ts';
import { tempDir } from '../../support/temp-dir.ts';

const log = createLogger({ level: 'silent', format: 'json' }, { write: () => {} });
const metrics = new Metrics({
  backends: () => [],
  ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
  journal: () => ({ sizeBytes: 0, isFailing: false }),
  lostLogLines: () => 0,
});
const ready: Readiness = {
  isReady: true,
  backends: [{ name: 'containerd', isUp: true, isListed: true, detail: 'ready' }],
};

const started: AdminServer[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function start(options: Partial<Parameters<typeof startAdmin>[0]> = {}): Promise<AdminServer> {
  const address = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const server = await startAdmin({
    address,
    metrics,
    readiness: () => ready,
    log,
    clock: systemClock,
    limit: limitFor('admin', metrics),
    ...options,
  });
  started.push(server);
  return server;
}

describe('startAdmin', () => {
  it('answers /livez as long as the event loop turns', async () => {
    const { address } = await start({ readiness: () => ({ isReady: false, backends: [] }) });
    const reply = await fetch(`${address}/livez`);
    expect([reply.status, await reply.text()]).toEqual([200, 'ok\n']);
  });

  it('answers /readyz with 200 and the state of each backend when ready', async () => {
    const { address } = await start();
    const reply = await fetch(`${address}/readyz`);
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual(ready);
  });

  it('answers /readyz with 503 and the reason when not ready', async () => {
    const answer = {
      isReady: false,
      reason: 'backend containerd was never listed',
      backends: [{ name: 'containerd', isUp: false, isListed: false, detail: 'connect: no such file' }],
    };
    const { address } = await start({ readiness: () => answer });
    const reply = await fetch(`${address}/readyz`);
    expect(reply.status).toBe(503);
    expect(await reply.json()).toEqual(answer);
  });

  it('serves the metrics in the text format of Prometheus', async () => {
    metrics.decision('canary', 'placed');
    const { address } = await start();
    const reply = await fetch(`${address}/metrics`);
    expect(reply.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await reply.text()).toContain('switchyard_decisions_total{rule="canary",outcome="placed"}');
  });

  it('listens on both addresses of localhost, and closes both', async () => {
    const { address, close } = await start({ address: { kind: 'tcp', host: 'localhost', port: 0 } });
    const own = Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);
    // Without IPv6 there is one.
    const urls = [
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '[::1]'],
    ].flatMap(([ip = '', host]) => (own.includes(ip) ? `http://${host}:${new URL(address).port}/livez` : []));
    expect(urls).not.toEqual([]);
    for (const url of urls) expect(await (await fetch(url)).text()).toBe('ok\n');
    await close();
    for (const url of urls) await expect(fetch(url)).rejects.toThrow();
  });

  it('listens on a unix socket', async () => {
    await using dir = await tempDir();
    const path = dir.file('admin.sock');
    const { address } = await start({ address: { kind: 'unix', path } });
    expect(address).toBe(`unix://${path}`);
    const status = await new Promise((resolve, reject) => {
      request({ socketPath: path, path: '/livez' }, (reply) => resolve(reply.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('replaces the socket file of a process that is gone, but not one that answers', async () => {
    await using dir = await tempDir();
    const path = dir.file('admin.sock');
    const leaveStale = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', leaveStale]);
    expect(existsSync(path)).toBe(true);
    await start({ address: { kind: 'unix', path } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(start({ address: { kind: 'unix', path } })).rejects.toThrow(`unix://${path}`);
  });

  it('refuses to start on a taken address, and says which', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as { port: number };
      const failed = start({ address: { kind: 'tcp', host: '127.0.0.1', port } });
      await expect(failed).rejects.toThrow(StartError);
      await expect(failed).rejects.toThrow(`http://127.0.0.1:${port}`);
    } finally {
      other.close();
    }
  });

  it('refuses a request whose Host is another name, and says what to ask by', async () => {
    const { address } = await start();
    const { hostname, port } = new URL(address);
    const reply = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      request(
        { hostname, port, path: '/metrics', headers: { host: `rebound.example:${port}` } },
        async (got) => {
          let text = '';
          for await (const part of got.setEncoding('utf8')) text += part;
          resolve({ status: got.statusCode, text });
        },
      )
        .on('error', reject)
        .end();
    });
    expect(reply.status).toBe(421);
    expect(JSON.parse(reply.text).error).toContain('ask by the address in admin.address');
  });

  it('names what there is when asked for an unknown path', async () => {
    const { address } = await start();
    const reply = await fetch(`${address}/nothing`);
    expect(reply.status).toBe(404);
    expect(await reply.json()).toMatchObject({ paths: expect.arrayContaining(['/metrics']) });
  });

  it('answers 500 and logs when a source of the answer throws', async () => {
    const lines: string[] = [];
    const { address } = await start({
      readiness: () => {
        throw new Error('broken source');
      },
      log: createLogger({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) }),
    });
    expect((await fetch(`${address}/readyz`)).status).toBe(500);
    expect(lines.join('')).toContain('broken source');
  });

  it('closes although a client keeps its connection open', async () => {
    const { address, close } = await start();
    await fetch(`${address}/livez`);
    await close();
    await expect(fetch(`${address}/livez`)).rejects.toThrow();
  });
});
