import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backend } from '../../../src/backends/backend.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  answerVersion,
  type Http2Backend,
  type Http2Call,
  http2Backend,
} from '../../support/http2-backend.ts';
import { configOf } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const CALL = { service: 'RuntimeService', request: new Uint8Array(0), timeoutMs: 60_000 } as const;

describe('the connection to a backend', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let runtime: Http2Backend;
  let backend: Backend;
  let states: string[];

  beforeEach(async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999); // back-off waits are the longest
    dir = await tempDir();
    clock = new FakeClock();
    states = [];
    const [config] = configOf(dir, [{ name: 'one', profile: 'reference' }]).backends;
    if (config === undefined) throw new Error('no backend');
    backend = new Backend({
      ...{ config, clock, ownSocket: dir.file('cri.sock'), messageSizeBytes: 1_000_000, callsInFlight: 100 },
      events: {
        onState: (_, { kind }) => states.push(kind),
        onImageState: () => undefined,
        onError: (_, error) => {
          throw error;
        },
      },
    });
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    backend.stop();
    await runtime[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const play = async (serve: (call: Http2Call) => void) => {
    runtime = await http2Backend(dir.file('one.sock'), serve);
    backend.start();
  };
  const isReady = () => backend.state.kind === 'ready';
  const endings = [
    ['closes the connection', () => runtime.cut()],
    ['says GOAWAY', ({ goAway }: Http2Call) => goAway()],
  ] as const;

  it.each(endings)('is made ever more seldom to one that %s after each Version', async (_, end) => {
    await play((call) => answerVersion(call, () => end(call)));
    const startedAtMs = clock.now();
    await until(() => {
      clock.advance(20);
      return runtime.connections >= 7;
    }, 'it was connected seven times');
    // Five waits of 100 to 1,600 ms.
    expect(clock.now() - startedAtMs).toBeGreaterThan(3_000);
    expect(states).toContain('unreachable');
  });

  it('says of one that is connected in vain what it does', async () => {
    await play((call) => answerVersion(call, () => call.goAway()));
    await until(() => {
      clock.advance(20);
      return backend.state.kind === 'unreachable';
    }, 'it is absent');
    expect(backend.absenceError().message).toMatch(/ends its connections within \d+ ms/);
  });

  it.each(endings)('is made anew at once, and calls wait, when one that lived long %s', async (_, end) => {
    let isEnding = false;
    await play((call) => {
      if (call.rpc === 'Version') answerVersion(call);
      else if (isEnding) {
        isEnding = false;
        end(call);
      } else answerVersion(call);
    });
    for (let life = 0; life < 4; life++) {
      await until(isReady, 'it is ready');
      clock.advance(10_000);
      isEnding = true;
      states = [];
      void backend.ask({ ...CALL, rpc: 'Status' });
      await until(() => states.includes('connecting'), 'the connection was lost');
      const answer = backend.ask({ ...CALL, rpc: 'ListImages' });
      clock.advance(100);
      expect((await answer).kind).toBe('answered');
      expect(states).not.toContain('unreachable');
    }
  });

  it('is made anew at once when one that restarts ends its first short-lived connection', async () => {
    await play((call) => answerVersion(call));
    await until(isReady, 'it is ready');
    runtime.cut();
    await until(() => backend.state.kind === 'connecting', 'the connection was lost');
    const answer = backend.ask({ ...CALL, rpc: 'ListImages' });
    clock.advance(100);
    expect((await answer).kind).toBe('answered');
  });

  it('counts as long-lived when it has served many calls', async () => {
    const isMany = ({ stream }: Http2Call) => stream.id === 301; // the 151st of its connection
    await play((call) => answerVersion(call, () => isMany(call) && call.goAway()));
    await until(async () => {
      await Promise.all(Array.from({ length: 50 }, () => backend.ask({ ...CALL, rpc: 'Status' })));
      return runtime.connections >= 5;
    }, 'it was connected five times');
    expect(states).not.toContain('unreachable');
  });
});
