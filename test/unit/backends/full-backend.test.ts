// A backend whose streams are all taken, or that allows few of them.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { UnaryCall } from '../../../src/backends/unary-call.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  answerVersion,
  answerWith,
  type Http2Backend,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { loneBackend } from '../../support/lone-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;
const CALL = { service: 'RuntimeService', request: new Uint8Array(0), timeoutMs: 600_000 } as const;

describe('a backend whose streams are all taken', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let runtime: Http2Backend;
  let backend: Backend;
  let stuck: Http2Call[];

  beforeEach(async () => {
    dir = await tempDir();
    clock = new FakeClock();
    stuck = [];
    backend = loneBackend(dir, clock, { callsInFlight: 10_000 });
  });

  afterEach(async () => {
    backend.stop();
    await runtime[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** Answers everything at once but ExecSync, which waits in `stuck`. */
  const start = async (maxConcurrentStreams: number) => {
    runtime = await http2Backend(
      dir.file('one.sock'),
      (call) => {
        if (call.rpc === 'Version') answerVersion(call);
        else if (call.rpc === 'ExecSync') stuck.push(call);
        else answerWith(call, new Uint8Array(0));
      },
      { maxConcurrentStreams },
    );
    backend.start();
  };
  const is = (kind: string) => until(() => backend.state.kind === kind, `the backend is ${kind}`);
  const takeAll = async () => {
    await start(1);
    await is('ready');
    const slow = backend.ask({ ...CALL, rpc: 'ExecSync', timeoutMs: 10_000_000 });
    await until(() => stuck.length === 1, 'its only stream is taken');
    return { slow };
  };
  const giveBack = () => {
    const [call] = stuck.splice(0);
    if (call !== undefined) answerWith(call, new Uint8Array(0));
  };

  /** Hands over a call of a client that has so many; what becomes of it. */
  const hand = (clientCalls: number, sizeBytes = 5) => {
    let became = 'taken';
    const call = new UnaryCall('one', 100, () => {
      became = 'refused';
    });
    const message = { body: Buffer.alloc(sizeBytes), start: 0, end: sizeBytes };
    const who = { clientCalls, metadata: [], deadlineAtMs: undefined };
    backend.call(call, { service: 'RuntimeService', rpc: 'ListImages', ...who, ...message });
    return became;
  };

  it('hangs when no stream becomes free for a whole life check', async () => {
    await takeAll();
    backend.suspect(1_000);
    clock.advance(999);
    expect(backend.state.kind).toBe('ready');
    clock.advance(1);
    expect(backend.state).toMatchObject({
      kind: 'hanging',
      reason: 'no call has ended within 1000 ms, and it takes no more than 1 at once',
    });
  });

  it('is not asked for a sign of life by idleness alone: what takes its only stream may be what it works at', async () => {
    const { slow } = await takeAll();
    for (let i = 0; i < 40; i++) {
      clock.advance(2_500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([backend.state.kind, backend.callsInFlight]).toEqual(['ready', 1]);
    giveBack();
    expect((await slow).kind).toBe('answered');
    // From then on it can be asked, and is.
    await until(() => {
      clock.advance(2_500);
      return runtime.paths.filter((path) => path.endsWith('/Version')).length > 1;
    }, 'it is asked again');
  });

  it('is asked first of all when a stream becomes free, and is ready again then', async () => {
    await takeAll();
    const waiting = backend.ask({ ...CALL, rpc: 'ListImages' });
    backend.suspect(1_000);
    giveBack();
    expect((await waiting).kind).toBe('answered');
    expect(runtime.paths.map((path) => path.split('/').at(-1))).toEqual([
      ...['Version', 'ExecSync', 'Version', 'ListImages'],
    ]);
    clock.advance(5_000);
    expect(backend.state.kind).toBe('ready');
  });

  it('comes back from hanging as soon as a stream is free, however long that takes; what took it has its answer', async () => {
    const { slow } = await takeAll();
    backend.suspect(1_000);
    clock.advance(1_000_000);
    await is('hanging');
    expect(backend.callsInFlight).toBe(1); // no question of ours has piled up
    clock.advance(2_000);
    giveBack();
    await until(() => {
      clock.advance(10);
      return backend.state.kind === 'ready';
    }, 'it is ready again');
    expect((await slow).kind).toBe('answered');
    expect((await backend.ask({ ...CALL, rpc: 'ListImages' })).kind).toBe('answered');
  });

  it('takes calls of clients with few of their own when others use up the places in the wait', async () => {
    await takeAll();
    for (let i = 0; i < 1_000; i++) hand(90);
    expect(backend.callsWaiting).toBe(1_000);
    expect([hand(90), hand(26), hand(25)]).toEqual(['refused', 'refused', 'taken']);
    let own = 0;
    while (hand(0) === 'taken') own++;
    expect(own).toBe(49); // half of what is kept
    expect([hand(13), hand(12)]).toEqual(['refused', 'taken']);
    while (hand(1) === 'taken');
    expect(backend.callsWaiting).toBe(1_097);
  });

  it('takes small calls of clients with few when others use up the memory for what waits', async () => {
    await takeAll();
    expect(hand(90, 64 * MIB + 1)).toBe('taken');
    expect([hand(500), hand(5, 7 * MIB), hand(0, 4 * MIB)]).toEqual(['refused', 'refused', 'refused']);
    expect([hand(5), hand(0)]).toEqual(['taken', 'taken']);
  });

  it('takes new calls in the place of waiting ones that nobody wants any more', async () => {
    await takeAll();
    const left = Array.from({ length: 1_000 }, () =>
      backend.ask({ ...CALL, rpc: 'ListImages', timeoutMs: 1_000 }),
    );
    clock.advance(1_000);
    await Promise.all(left);
    const later = backend.ask({ ...CALL, rpc: 'Status' });
    giveBack();
    expect((await later).kind).toBe('answered');
  });

  it('is suspected when too many calls wait for it', async () => {
    await takeAll();
    for (let i = 0; i < 1_050; i++) void backend.ask({ ...CALL, rpc: 'ListImages' });
    const refused = await backend.ask({ ...CALL, rpc: 'ListImages' });
    expect(refused).toMatchObject({ kind: 'failed', loss: 'refused' });
    clock.advance(backend.config.timeouts.statusMs);
    expect(backend.state.kind).toBe('hanging');
  });

  it('is suspected when it does not read what it was sent', async () => {
    await takeAll();
    hand(90, 64 * MIB + 1);
    clock.advance(backend.config.timeouts.statusMs);
    expect(backend.state.kind).toBe('ready');
    expect(hand(500)).toBe('refused');
    clock.advance(backend.config.timeouts.statusMs);
    expect(backend.state.kind).toBe('hanging');
  });

  it('is suspected when it holds as many calls as it may', async () => {
    backend = loneBackend(dir, clock, { callsInFlight: 10 });
    await start(10);
    await is('ready');
    for (let i = 0; i < 10; i++) void backend.ask({ ...CALL, rpc: 'ExecSync' });
    await until(() => stuck.length === 10, 'it holds them');
    expect(hand(90)).toBe('refused');
    clock.advance(backend.config.timeouts.statusMs);
    expect(backend.state.kind).toBe('hanging');
  });

  it('is not asked for its Version before it allows a stream, and says so', async () => {
    await start(0);
    await until(() => {
      clock.advance(100);
      return backend.isAbsent;
    }, 'it is absent');
    expect(backend.state).toMatchObject({
      kind: 'unreachable',
      reason: 'it allows no calls: MAX_CONCURRENT_STREAMS is 0',
    });
    expect(runtime.paths).toEqual([]);
  });

  it('is ready when it allows streams a moment later', async () => {
    await start(0);
    await until(() => runtime.connections === 1, 'it is connected');
    runtime.configure({ maxConcurrentStreams: 5 });
    await is('ready');
  });

  it('serves one call after the other when it takes back all streams but one', async () => {
    await start(100);
    await is('ready');
    runtime.configure({ maxConcurrentStreams: 1 });
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => backend.ask({ ...CALL, rpc: 'ListImages' })),
    );
    const again = await Promise.all(
      Array.from({ length: 20 }, () => backend.ask({ ...CALL, rpc: 'ListImages' })),
    );
    expect(again.every(({ kind }) => kind === 'answered')).toBe(true);
    expect(outcomes.length).toBe(20);
  });
});
