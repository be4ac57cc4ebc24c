// Streams through the relay of the built Switchyard, from real containerds of three versions; also to a client in
// another network namespace, for whom the streaming servers of the runtimes are out of reach.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bench } from '../contract/conformance/bench.ts';
import type { Place, Target } from '../contract/conformance/target.ts';
import { removePods, runContainer, runPod } from '../support/cri-pod.ts';
import { bridgeName } from '../support/e2e-leftovers.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { freePort } from '../support/free-port.ts';
import { IMAGES } from '../support/oci-image.ts';
import { SpdyStream } from '../support/spdy-stream.ts';
import { SwitchyardProcess } from '../support/switchyard-process.ts';
import { until } from '../support/until.ts';
import { definePodStreams } from './pod-streams.ts';
import { PLACES, switchyardTarget } from './real-target.ts';
import { startWorld, type World, whyNoWorld } from './world.ts';

const skipReason = whyNoWorld();
let world: World;
let target: Target;
let olderTarget: Target;
let streamingAddress: string;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  streamingAddress = `127.0.0.1:${await freePort()}`;
  world = await startWorld({ streaming: 'relay', streamingAddress });
  target = switchyardTarget(world);
  olderTarget = switchyardTarget(world, 'v1alpha2');
});

afterAll(async () => {
  target?.cri.close();
  olderTarget?.cri.close();
  await world?.[Symbol.asyncDispose]();
});

describe.each(PLACES)('the relay, with pods on $name', (place) => {
  definePodStreams(new Bench(place, () => target));
});

describe('the relay, for a client of v1alpha2', () => {
  definePodStreams(new Bench(PLACES[1] as Place, () => olderTarget));
});

describe('the relay', () => {
  const aSleeper = async (cri = world.cri) => {
    const pod = await runPod(cri, { cgroupParent: world.run.cgroupParent });
    const containerId = await runContainer(cri, pod, { image: IMAGES.app, args: ['-c', 'sleep 600'] });
    return { pod, containerId };
  };

  it('gives all streams one address, and counts them', async () => {
    const { pod, containerId } = await aSleeper();
    const { podSandboxId } = pod;
    const options = { containerId, stdin: true, stdout: true };
    const urls = [
      (await world.cri.call('Exec', { ...options, cmd: ['cat'] })).url,
      (await world.cri.call('Attach', options)).url,
      (await world.cri.call('PortForward', { podSandboxId, port: [80] })).url,
    ];
    expect(urls.map((url) => new URL(url).host)).toEqual([
      streamingAddress,
      streamingAddress,
      streamingAddress,
    ]);
    const open = 'switchyard_streams_open{kind="exec",backend="old"}';
    using stream = await SpdyStream.open(urls[0] as string, ['error', 'stdin', 'stdout']);
    await until(async () => (await world.switchyard.metrics()).includes(`${open} 1`), 'it is counted');
    await stream.send('stdin', Buffer.from('x'), true);
    await stream.end();
    stream[Symbol.dispose]();
    await until(async () => (await world.switchyard.metrics()).includes(`${open} 0`), 'it is over');
    await removePods(world.cri, [pod]);
  });

  it('ends the command of a client that vanishes', async () => {
    const { pod, containerId } = await aSleeper();
    const cmd = ['sh', '-c', 'echo here; cat; : > /tmp/ended'];
    const { url } = await world.cri.call('Exec', { containerId, cmd, stdin: true, stdout: true });
    const stream = await SpdyStream.open(url, ['error', 'stdin', 'stdout']);
    await until(() => stream.bytes('stdout').toString() === 'here\n', 'the command runs');
    stream[Symbol.dispose]();
    const look = { containerId, cmd: ['sh', '-c', '[ -e /tmp/ended ]'], timeout: 10 };
    await until(async () => (await world.cri.call('ExecSync', look)).exitCode === 0, 'the command has ended');
    await removePods(world.cri, [pod]);
  });

  it('carries a stream to a client in another network namespace', async () => {
    const { run } = world;
    const namespace = run.path.split('/').at(-1) as string;
    const [near, far] = [bridgeName(run.id, 98), bridgeName(run.id, 99)];
    const subnet = `10.253.${Number.parseInt(run.id.slice(-2), 16)}`;
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', namespace);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    ip('link', 'set', far, 'netns', namespace);
    ip('addr', 'add', `${subnet}.1/30`, 'dev', near);
    ip('link', 'set', near, 'up');
    ip('-n', namespace, 'addr', 'add', `${subnet}.2/30`, 'dev', far);
    ip('-n', namespace, 'link', 'set', far, 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await using switchyard = await SwitchyardProcess.start({
      dir: run.file('ns'),
      backends: [{ name: 'old', endpoint: `unix://${world.old.socket}`, default: true }],
      more: { streaming: 'relay', streamingAddress: `${subnet}.1:0` },
    });
    using cri = switchyard.connect();
    const { pod, containerId } = await aSleeper(cri);
    const cmd = ['echo', 'hello over there'];
    const urlOf = async (client: typeof cri) =>
      (await client.call('Exec', { containerId, cmd, stdout: true })).url;
    const there = async (url: string) => {
      const args = ['netns', 'exec', namespace, process.execPath, '--eval', WEBSOCKET_CLIENT, url];
      return (await promisify(execFile)('ip', args)).stdout;
    };
    expect(await there(await urlOf(cri))).toContain('hello over there');
    // The URL of the runtime itself leads nowhere from there.
    expect(await there(await urlOf(world.old.cri))).toContain('ECONNREFUSED');
    await removePods(cri, [pod]);
  });
});

/** Opens a WebSocket with Node alone and prints what comes, frames and all; or why nothing does. */
const WEBSOCKET_CLIENT = `
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol': 'v4.channel.k8s.io' };
  require('node:http').get(process.argv[1], { headers })
    .on('upgrade', (_, socket, head) => { process.stdout.write(head); socket.pipe(process.stdout); })
    .on('error', (error) => console.log(error.code));
`;
