// The built program with few file descriptors: a flood of one listener leaves what the others need.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SimulatedRuntime, startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { SwitchyardProcess } from '../../support/switchyard-process.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

let dir: TempDir;
let runtime: SimulatedRuntime;
const sockets: net.Socket[] = [];

beforeEach(async () => {
  dir = await tempDir();
  runtime = await startSimulatedRuntime({ profile: 'containerd-2.1', socket: dir.file('one.sock') });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await runtime.close();
  await dir[Symbol.asyncDispose]();
});

const start = (descriptors: number) =>
  SwitchyardProcess.start({
    dir: dir.file('s'),
    backends: [{ name: 'one', endpoint: `unix://${dir.file('one.sock')}`, default: true }],
    descriptors,
  });

async function flood(to: net.NetConnectOpts, count: number, bytes = ''): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = net.connect(to);
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    if (bytes !== '') socket.write(bytes);
  }
}

/** A whole call on a connection of its own. */
async function version(switchyard: SwitchyardProcess): Promise<string> {
  const client = switchyard.connect();
  try {
    return (await client.call('Version', {}, { deadlineMs: 3_000 })).runtimeApiVersion;
  } finally {
    client.close();
  }
}

describe('with 64 descriptors', () => {
  it('a hundred connections to the admin port shut no CRI client out, and the log and the metrics say so', async () => {
    await using switchyard = await start(64);
    await flood({ host: '127.0.0.1', port: switchyard.adminPort }, 100);
    for (let i = 0; i < 30; i++) expect(await version(switchyard)).toBe('v1');
    const metrics = await switchyard.metrics();
    expect(metrics).toMatch(
      /switchyard_connections_turned_away_total\{listener="admin",outcome="evicted"\} \d\d/,
    );
    expect(metrics).toMatch(/switchyard_connections\{listener="admin"\} 4\n/);
    expect(switchyard.logTail(50)).toMatch(/"listener":"admin".*connections were closed/);
    expect(switchyard.logTail(50)).toMatch(/few open files.*LimitNOFILE/);
  });

  it('a hundred half prefaces on the CRI socket neither keep the next client nor a backend out', async () => {
    await using switchyard = await start(64);
    await flood({ path: switchyard.socket }, 100, 'PRI * HTTP/2.0\r\n');
    expect(await version(switchyard)).toBe('v1');
    await runtime.close();
    await until(async () => (await switchyard.readiness()).includes('"isUp":false'), 'the backend is gone');
    runtime = await startSimulatedRuntime({ profile: 'containerd-2.1', socket: dir.file('one.sock') });
    await until(async () => (await switchyard.readiness()).includes('"isUp":true'), 'the backend is back');
    expect(await version(switchyard)).toBe('v1');
    expect(await switchyard.metrics()).toMatch(/turned_away_total\{listener="cri",outcome="evicted"\} \d\d/);
  });
});
