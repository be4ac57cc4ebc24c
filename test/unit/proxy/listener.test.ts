import { existsSync, lstatSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { expect, it } from 'vitest';
import { listen } from '../../../src/proxy/listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

async function listenIn(dir: TempDir) {
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const clients: net.Socket[] = [];
  const socket = dir.file('run/cri.sock');
  const listener = await listen({
    ...{ socket, mode: 0o660, group: undefined, clock, log: recorder(lines) },
    onConnection: (client) => clients.push(client),
  });
  return { clock, lines, clients, socket, listener };
}

it.each(['run', 'run/cri.sock'])('puts its socket back, with its mode, when %s was removed', async (what) => {
  await using dir = await tempDir();
  const { clock, lines, clients, socket, listener } = await listenIn(dir);
  rmSync(dir.file(what), { recursive: true });
  clock.advance(5_000);
  await until(() => lines.length > 0, 'people are told');
  expect(lines).toMatchObject([{ level: 'error', text: 'the CRI socket was removed, and is made again' }]);
  expect(statSync(socket).mode & 0o777).toBe(0o660);
  const client = net.connect(socket);
  await until(() => clients.length === 1, 'a client connects');
  client.destroy();
  expect(listener.trouble).toBeUndefined();
  await listener.close();
  expect(existsSync(socket)).toBe(false);
});

it('takes no name that another file has, says so once, and has it again when that is gone', async () => {
  await using dir = await tempDir();
  const { clock, lines, socket, listener } = await listenIn(dir);
  rmSync(socket);
  writeFileSync(socket, 'precious');
  clock.advance(5_000);
  await until(() => listener.trouble !== undefined, 'it is noticed');
  expect(listener.trouble).toBe(`another file is in the place of ${socket}`);
  renameSync(socket, dir.file('kept'));
  await until(() => {
    clock.advance(5_000);
    return listener.trouble === undefined;
  }, 'it has its name again');
  expect(lines.filter(({ text }) => text === 'clients do not find the CRI socket')).toHaveLength(1);
  expect(lstatSync(socket).isSocket()).toBe(true);
  await listener.close();
});
