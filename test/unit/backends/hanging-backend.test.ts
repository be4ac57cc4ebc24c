// A backend that stops answering while calls are in flight on it, or while nobody calls it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import type { UnaryOutcome } from '../../../src/backends/unary-call.ts';
import { METHODS, type ServiceName } from '../../../src/cri/methods.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  answerStatus,
  answerVersion,
  answerWith,
  type Http2Backend,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { loneBackend } from '../../support/lone-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const NOTHING = new Uint8Array(0);
const LOOK_MS = 2_500;
const QUIET_LOOKS = 4;

describe('a backend that stops answering', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let runtime: Http2Backend;
  let images: Http2Backend | undefined;
  let backend: Backend;
  /** It takes calls and answers none. */
  let isStill: boolean;
  let held: Http2Call[];

  beforeEach(async () => {
    dir = await tempDir();
    clock = new FakeClock();
    isStill = false;
    held = [];
    images = undefined;
  });

  afterEach(async () => {
    backend.stop();
    await runtime[Symbol.asyncDispose]();
    await images?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const serve = (call: Http2Call) => {
    if (isStill || call.rpc === 'ExecSync') held.push(call);
    else if (call.rpc === 'Version') answerVersion(call);
    else answerWith(call, NOTHING);
  };
  const start = async (play: (call: Http2Call) => void = serve, imageSocket?: string) => {
    runtime = await http2Backend(dir.file('one.sock'), play);
    if (imageSocket !== undefined) images = await http2Backend(imageSocket, serve);
    backend = loneBackend(dir, clock, { imageSocket });
    backend.start();
    await is('ready');
    if (imageSocket !== undefined)
      await until(() => backend.images.state.kind === 'ready', 'its images are ready');
  };
  const is = (kind: string) => until(() => backend.state.kind === kind, `the backend is ${kind}`);
  const rpcs = ({ paths }: Http2Backend) => paths.map((path) => path.split('/').at(-1));
  const ask = (rpc: string, service: ServiceName = 'RuntimeService') =>
    backend.ask({ service, rpc, request: NOTHING, timeoutMs: 120_000 });
  /** Asks it all of these; what becomes of each, by name. */
  const askAll = async (names: readonly { name: string; service: ServiceName }[]) => {
    const outcomes = new Map<string, UnaryOutcome>();
    for (const { name, service } of names)
      void ask(name, service).then((outcome) => outcomes.set(name, outcome));
    await until(() => held.length === names.length, 'all calls have come');
    return outcomes;
  };
  const hang = () => {
    backend.suspect(1_000);
    clock.advance(1_000);
    expect(backend.state.kind).toBe('hanging');
  };
  /** It hangs on for so long, and is asked again and again: a second for its answer, a second until the next question. */
  const hangOn = async (ms: number) => {
    for (let spentMs = 0; spentMs < ms; spentMs += 1_000) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(backend.state.kind).toBe('hanging');
  };
  /** Turns the clock on to the next look at what it has said. */
  const look = async () => {
    clock.advance(LOOK_MS);
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** So many times ten seconds in which nobody calls it; it answers what it is asked. */
  const idle = async (times: number) => {
    for (let i = 0; i < times * QUIET_LOOKS; i++) {
      await look();
      await until(() => backend.callsInFlight === held.length, 'all questions are answered');
    }
  };
  /** So many calls wait for it, the question whether it lives among them. */
  const untilAsked = (calls: number) =>
    until(async () => {
      if (held.length < calls) await look();
      return held.length === calls;
    }, 'it is asked');

  it('ends the calls in flight that change nothing, at once and with the reason, and waits for all others', async () => {
    await start();
    isStill = true;
    const names = METHODS.filter(({ isServerStream }) => !isServerStream);
    const outcomes = await askAll(names);
    hang();
    const reads = names.filter(({ changesState }) => !changesState).map(({ name }) => name);
    await until(() => outcomes.size === reads.length, 'all that read are over');
    expect([...outcomes.keys()].sort()).toEqual(reads.sort());
    for (const outcome of outcomes.values()) {
      expect(outcome).toMatchObject({
        kind: 'failed',
        loss: 'other',
        error: {
          status: 'UNAVAILABLE',
          message: expect.stringMatching(
            /^backend one is hanging since .*did not answer Version within 1000 ms/,
          ),
        },
      });
    }
  });

  it('resets their streams, so that it does not work for nobody when it goes on', async () => {
    await start();
    isStill = true;
    await askAll([
      { name: 'ExecSync', service: 'RuntimeService' },
      { name: 'StopContainer', service: 'RuntimeService' },
    ]);
    const [exec, stop] = held;
    hang();
    await until(() => exec?.stream.aborted === true, 'the ExecSync is cancelled');
    expect(stop?.stream.aborted).toBe(false);
    expect(backend.callsInFlight).toBe(1);
  });

  it('ends calls on a connection that it had said GOAWAY on as well', async () => {
    await start();
    const outcome = ask('ExecSync');
    await until(() => held.length === 1, 'the call has come');
    held[0]?.goAway();
    await until(() => runtime.connections === 2, 'it is connected anew');
    await is('ready');
    isStill = true;
    hang();
    expect(await outcome).toMatchObject({ kind: 'failed', error: { status: 'UNAVAILABLE' } });
  });

  it('is waited for by a pull for 30 seconds of its hanging, and then told that nobody waits', async () => {
    await start();
    isStill = true;
    const outcomes = await askAll([
      { name: 'PullImage', service: 'ImageService' },
      { name: 'StopContainer', service: 'RuntimeService' },
    ]);
    const [pull, stop] = held;
    hang();
    await hangOn(29_000);
    expect([outcomes.size, pull?.stream.aborted]).toEqual([0, false]);
    await hangOn(3_000);
    await until(() => outcomes.size > 0, 'the pull is over');
    expect(outcomes.get('PullImage')).toMatchObject({ kind: 'failed', error: { status: 'UNAVAILABLE' } });
    await until(() => pull?.stream.aborted === true, 'the pull is cancelled');
    await hangOn(60_000);
    expect([outcomes.size, stop?.stream.aborted]).toEqual([1, false]);
  });

  it('has a pull of its own time again after it has answered', async () => {
    await start();
    isStill = true;
    const outcomes = await askAll([{ name: 'PullImage', service: 'ImageService' }]);
    hang();
    await hangOn(20_000);
    isStill = false;
    await until(() => {
      clock.advance(50);
      return backend.state.kind === 'ready';
    }, 'it has answered');
    isStill = true;
    hang();
    await hangOn(29_000);
    expect(outcomes.size).toBe(0);
    await hangOn(3_000);
    await until(() => outcomes.size > 0, 'the pull is over');
  });

  it('has its answer to what was waited for taken when it goes on', async () => {
    await start();
    isStill = true;
    const stop = ask('StopContainer');
    await until(() => held.length === 1, 'the call has come');
    hang();
    isStill = false;
    for (const call of held.splice(0)) answerWith(call, NOTHING);
    expect((await stop).kind).toBe('answered');
  });

  it('is found when nobody calls it: asked after ten seconds of silence, with two for its answer', async () => {
    await start();
    await look(); // sees that it was connected
    await idle(2);
    isStill = true;
    for (let i = 1; i < QUIET_LOOKS; i++) await look();
    expect(backend.callsInFlight).toBe(0);
    await look();
    expect([backend.callsInFlight, backend.state.kind]).toEqual([1, 'ready']);
    clock.advance(2_000);
    expect(backend.state).toMatchObject({
      kind: 'hanging',
      reason: 'it did not answer Version within 2000 ms',
    });
  });

  it('is asked for its Version every ten seconds while nobody calls it', async () => {
    await start();
    await look(); // sees that it was connected
    await idle(6);
    expect(rpcs(runtime)).toEqual(Array.from({ length: 1 + 6 }, () => 'Version'));
    expect(backend.state.kind).toBe('ready');
  });

  it('is not asked while it answers calls', async () => {
    await start();
    for (let i = 0; i < 20; i++) {
      await ask('ListContainers');
      for (let j = 1; j < QUIET_LOOKS; j++) await look();
    }
    expect(rpcs(runtime).filter((rpc) => rpc === 'Version')).toHaveLength(1);
  });

  it('is found by the one ExecSync that waits for it, which ends then; one that is slow goes on', async () => {
    await start();
    let outcome: UnaryOutcome | undefined;
    void ask('ExecSync').then((over) => {
      outcome = over;
    });
    await until(() => held.length === 1, 'the call has come');
    await idle(10);
    expect([outcome, backend.state.kind]).toEqual([undefined, 'ready']);
    isStill = true;
    await untilAsked(2);
    clock.advance(2_000);
    await until(() => outcome !== undefined, 'the call is over');
    expect(outcome).toMatchObject({ kind: 'failed', error: { status: 'UNAVAILABLE' } });
  });

  it('is asked in the version that it speaks', async () => {
    await start((call) => {
      if (call.path.startsWith('/runtime.v1.')) answerStatus(call, 12, 'unknown service');
      else serve(call);
    });
    await look();
    await idle(3);
    expect(runtime.paths.map((path) => path.split('/')[1])).toEqual([
      'runtime.v1.RuntimeService',
      ...Array.from({ length: 1 + 3 }, () => 'runtime.v1alpha2.RuntimeService'),
    ]);
  });

  it('is asked at each of its two sockets, and found at the one that hangs', async () => {
    const imageSocket = dir.file('images.sock');
    await start(undefined, imageSocket);
    if (images === undefined) throw new Error('no image service');
    isStill = true;
    await untilAsked(2);
    expect(rpcs(images)).toEqual(['ImageStatus', 'ImageStatus']);
    const version = held.find(({ rpc }) => rpc === 'Version');
    if (version !== undefined) answerVersion(version);
    await until(() => backend.callsInFlight === 1, 'the runtime has answered');
    clock.advance(2_000);
    expect([backend.state.kind, backend.images.state.kind]).toEqual(['ready', 'hanging']);
  });

  it('lives when it refuses the question, and is asked again', async () => {
    let refusals = 0;
    await start((call) => {
      if (call.rpc !== 'Version' || refusals === 0) {
        refusals++;
        serve(call);
      } else call.stream.close(7); // REFUSED_STREAM
    });
    backend.suspect(1_000);
    await until(() => rpcs(runtime).length === 2 && backend.callsInFlight === 0, 'it has refused');
    backend.suspect(1_000);
    await until(() => rpcs(runtime).length === 3, 'it is asked again');
    clock.advance(1_000);
    expect(backend.state.kind).toBe('ready');
  });
});
