// A backend that allows few calls at once, or has none to spare: what becomes of lists and events.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { listenToEvents } from '../../support/event-listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
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
const CONTAINERS = codecOf('ListContainers').encodeResponse({ containers: [{ id: ID }] });

describe('a backend with few streams', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let runtime: Http2Backend;
  let switchyard: Switchyard;
  let client: CriClient;
  let lines: LogLine[];
  let stuck: Http2Call[];

  beforeEach(async () => {
    dir = await tempDir();
    clock = new FakeClock();
    lines = [];
    stuck = [];
  });

  afterEach(async () => {
    client.close();
    await runtime[Symbol.asyncDispose]();
    await turning(switchyard.close());
    await dir[Symbol.asyncDispose]();
  });

  const start = async (maxConcurrentStreams: number) => {
    runtime = await http2Backend(
      dir.file('one.sock'),
      (call) => {
        if (call.rpc === 'Version') answerVersion(call);
        else if (call.rpc === 'ListContainers') answerWith(call, CONTAINERS);
        else if (call.rpc === 'ListPodSandbox' || call.rpc === 'ListImages')
          answerWith(call, Buffer.alloc(0));
        else if (call.rpc === 'ContainerStatus') stuck.push(call);
        else if (call.rpc === 'GetContainerEvents') call.stream.respond({ ':status': 200 });
        else answerStatus(call, 12, 'no');
      },
      { maxConcurrentStreams },
    );
    const config = configOf(dir, [{ name: 'one', profile: 'reference' }]);
    switchyard = await startSwitchyard({ config, log: recorder(lines), clock });
    client = new CriClient(switchyard.socket);
    const isReady = () => lines.some(({ text }) => text === 'backend is ready');
    await until(() => isReady(), 'the backend is ready');
    await until(() => runtime.paths.some((path) => path.endsWith('ListImages')), 'it was listed');
  };
  const list = async () => (await client.call('ListContainers', {})).containers.map(({ id }) => id);
  const turning = async <T>(answer: Promise<T>): Promise<T> => {
    let isOver = false;
    const settled = answer.finally(() => {
      isOver = true;
    });
    await until(() => {
      clock.advance(50);
      return isOver;
    }, 'the answer came');
    return settled;
  };

  it('is represented by its snapshot, however old, when all of them are taken for good', async () => {
    await start(2);
    expect(await list()).toEqual([ID]);
    const question = { containerId: ID };
    for (let i = 0; i < 2; i++)
      client.call('ContainerStatus', question, { deadlineMs: 600_000 }).catch(() => undefined);
    await until(() => stuck.length === 2, 'its streams are taken');
    clock.advance(60_000);
    const startedAtMs = clock.now();
    expect(await turning(list())).toEqual([ID]);
    expect(clock.now() - startedAtMs).toBeLessThan(4_000);
    expect(lines.some(({ fields }) => fields['state'] === 'hanging')).toBe(true);
    const [call] = stuck.splice(0, 1);
    if (call !== undefined) answerStatus(call, 5, 'gone');
    await until(() => {
      clock.advance(50);
      return lines.at(-1)?.fields['state'] === 'ready';
    }, 'it is ready again');
  });

  it('keeps its only one for calls: events are made from its lists', async () => {
    await start(1);
    const events = listenToEvents(client);
    await until(() => lines.some(({ text }) => text.startsWith('a backend has no events')), 'they are');
    expect(await turning(list())).toEqual([ID]);
    expect(runtime.paths.some((path) => path.endsWith('GetContainerEvents'))).toBe(false);
    events.leave();
  });

  it('gets the one of its events back when it takes all others back', async () => {
    await start(100);
    const events = listenToEvents(client);
    await until(() => runtime.paths.some((path) => path.endsWith('GetContainerEvents')), 'events are open');
    runtime.configure({ maxConcurrentStreams: 1 });
    await turning(list());
    await until(() => {
      clock.advance(50);
      return lines.some(({ fields }) => String(fields['reason']).includes('no other call'));
    }, 'the stream of events was given up');
    expect(await turning(list())).toEqual([ID]);
    events.leave();
  });
});
