import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backend } from '../../../src/backends/backend.ts';
import { describeConnectFailure } from '../../../src/backends/socket-trouble.ts';
import { StateLog } from '../../../src/backends/state-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

let dir: TempDir;
let clock: FakeClock;
let lines: LogLine[];
let backend: Backend;

beforeEach(async () => {
  dir = await tempDir();
  clock = new FakeClock();
  lines = [];
  const log = new StateLog(recorder(lines), () => 'never-listed');
  const [config] = configOf(dir, [{ name: 'one', profile: 'reference' }]).backends;
  if (config === undefined) throw new Error('no backend');
  backend = new Backend({
    ...{ config, clock, ownSocket: dir.file('cri.sock'), messageSizeBytes: 1_000_000, callsInFlight: 100 },
    events: {
      onState: (one, state) => log.backendTurned(one, state),
      onImageState: () => undefined,
      onError: () => undefined,
    },
  });
});

afterEach(async () => {
  backend.stop();
  await dir[Symbol.asyncDispose]();
});

const told = async () => {
  backend.start();
  await until(() => backend.isAbsent, 'the backend is absent');
  return backend
    .absenceError()
    .toStatusMessage()
    .replaceAll(dir.file(''), '')
    .replace(/^.*?Z: /, '');
};

describe('the reason why a backend is absent, in words', () => {
  it('is that there is no socket, with the general advice', async () => {
    expect(await told()).toBe(
      'there is no /one.sock. Check the runtime behind /one.sock; Switchyard reconnects by itself',
    );
  });

  it('is that it is a file', async () => {
    writeFileSync(dir.file('one.sock'), '');
    expect(await told()).toBe('/one.sock is a file, not a socket. Name the socket of a container runtime');
  });

  it('is that it is a directory', async () => {
    mkdirSync(dir.file('one.sock'));
    expect(await told()).toBe(
      '/one.sock is a directory, not a socket. Name the socket of a container runtime',
    );
  });

  it('is that it is not a stream socket', () => {
    expect(describeConnectFailure('/x', 'connect EPROTOTYPE /x')).toBe(
      '/x is a socket, but not a stream socket. Name the socket of a container runtime',
    );
  });

  it('is that permission is denied, with what to do', () => {
    expect(describeConnectFailure('/x', 'connect EACCES /x')).toBe(
      'permission denied on /x. Run Switchyard as root, or as a user who may write to the socket',
    );
  });
});

describe('the line of an absent backend', () => {
  it('comes once for each kind of reason, although what the socket says alternates', async () => {
    let count = 0;
    const server = net.createServer((socket) => {
      count++;
      socket.on('error', () => undefined);
      if (count % 3 === 0) socket.destroy();
      else if (count % 3 === 1) socket.once('data', () => socket.destroy());
      else socket.end(`odd ${'abcdefgh'.slice(0, 1 + (count % 8))} words for a greeting`);
    });
    await new Promise<void>((resolve) => server.listen(dir.file('one.sock'), resolve));
    backend.start();
    await until(() => {
      clock.advance(50);
      return count > 30;
    }, 'it was tried thirty times');
    server.close();
    expect(lines.filter(({ text }) => text === 'backend is absent').length).toBeLessThanOrEqual(3);
  });
});
