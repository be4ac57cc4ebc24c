// How many lines of the log peers can bring about, over real sockets and on a clock that stands still.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { CriClient } from '../../support/cri-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { requestBlock } from '../../support/front-world.ts';
import {
  answerStatus,
  answerVersion,
  answerWith,
  type Http2Backend,
  http2Backend,
} from '../../support/http2-backend.ts';
import { END_HEADERS, END_STREAM, frame, RawPeer, TYPE } from '../../support/http2-raw-peer.ts';
import { configOf, type LogLine, recorder } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

let dir: TempDir;
let runtime: Http2Backend;
let clock: FakeClock;
let switchyard: Switchyard;
let lines: LogLine[];

beforeEach(async () => {
  dir = await tempDir();
  runtime = await http2Backend(dir.file('one.sock'), (call) => {
    if (call.rpc === 'Version') answerVersion(call);
    else if (call.rpc === 'ListImages') answerStatus(call, 13, 'the images are gone');
    else if (call.rpc === 'RunPodSandbox') answerStatus(call, 8, 'no more pods');
    else answerWith(call, new Uint8Array(0));
  });
  clock = new FakeClock();
  lines = [];
  const config = configOf(dir, [{ name: 'one', profile: 'reference' }]);
  switchyard = await startSwitchyard({ config, log: recorder(lines), clock });
  await until(() => linesOf('a backend could not be listed').length === 1, 'the backend was met');
});

afterEach(async () => {
  const closed = switchyard.close();
  clock.advance(2_000);
  await closed;
  await runtime[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

const linesOf = (text: string) => lines.filter((line) => line.text === text);

/** Makes `count` calls that are refused, and waits for their answers. */
async function makeRefused(count: number): Promise<void> {
  using peer = await RawPeer.connect(switchyard.socket);
  const head = requestBlock('RunPodSandbox');
  for (let i = 0; i < count; i++) {
    const id = 2 * i + 1;
    peer.send(frame(TYPE.headers, END_HEADERS, id, head), frame(TYPE.data, END_STREAM, id, Buffer.alloc(5)));
  }
  await until(
    () => peer.frames.filter((f) => f.type === TYPE.headers && f.flags & END_STREAM).length === count,
    'all are answered',
  );
}

it('every changing call leaves a line, up to 500 a second of a client and 2,000 of all, and then a count', async () => {
  await makeRefused(500);
  expect(linesOf('call failed').length).toBe(500);
  clock.advance(1000);
  expect(lines.filter(({ fields }) => 'count' in fields)).toEqual([]);

  await Promise.all(Array.from({ length: 3 }, () => makeRefused(600)));
  expect(linesOf('call failed').length).toBe(500 + 3 * 500);
  await Promise.all(Array.from({ length: 2 }, () => makeRefused(600)));
  expect(linesOf('call failed').length).toBe(500 + 2_000);
  clock.advance(1000);
  const left = 'more calls changed something in the same second: they are in the metrics alone';
  expect(lines.at(-1)).toEqual({ level: 'warn', fields: { count: 1_000 }, text: left });
});

it('a backend whose lists fail as often as clients pull images leaves a few lines a second', async () => {
  clock.advance(1000);
  lines.length = 0;
  using client = new CriClient(switchyard.socket);
  const asked = () => runtime.paths.filter((path) => path.endsWith('/ListImages')).length;
  for (let i = 0; i < 30; i++) {
    const before = asked();
    await client.call('PullImage', { image: { image: `image-${i}` } });
    await until(() => asked() > before, 'its images are listed');
  }
  await client.call('Version', {});
  const failures = linesOf('a backend could not be listed').length;
  expect(failures).toBe(10);
  clock.advance(1000);
  expect(linesOf('more lines of one kind in the same second')).toMatchObject([
    { level: 'warn', fields: { backend: 'one', line: 'a backend could not be listed' } },
  ]);
});
