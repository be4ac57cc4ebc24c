// When a backend that answers Version and no list is taken for one that hangs, and when it is taken back.
import { beforeEach, describe, expect, it } from 'vitest';
import type { ListAnswer, WatchedList } from '../../../src/backends/list-question.ts';
import { ListWatch } from '../../../src/backends/list-watch.ts';
import { STATUS } from '../../../src/grpc/status.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PODS = 'ListPodSandbox';
const CONTAINERS = 'ListContainers';

/** A client's list that its runtime has ended for want of time. */
const UNANSWERED = {
  kind: 'status',
  code: STATUS.DEADLINE_EXCEEDED,
  text: '',
  headers: [],
  trailers: [],
} as const;

/** A question that was put to the backend. */
interface Asked {
  readonly rpc: string;
  readonly atMs: number;
  /** Undefined once it is over. */
  done: ((answer: ListAnswer) => void) | undefined;
}

describe('a backend whose lists are watched', () => {
  let clock: FakeClock;
  let watch: ListWatch;
  let asked: Asked[];
  let told: string[];
  let canAsk: boolean;
  let isReady: boolean;

  beforeEach(() => {
    clock = new FakeClock(0);
    asked = [];
    told = [];
    canAsk = true;
    isReady = true;
    watch = watchWith(2_000);
  });

  /** Of a backend whose lists may take so long by its config. */
  const watchWith = (listMs: number) =>
    new ListWatch({
      clock,
      listMs,
      isReady: () => isReady,
      ask: (rpc, timeoutMs, done) => {
        if (!canAsk) return undefined;
        const question: Asked = { rpc, atMs: clock.now(), done: undefined };
        const end = (answer: ListAnswer) => {
          question.done = undefined;
          timer.cancel();
          done(answer);
        };
        const timer = clock.after(timeoutMs, () => end('none'));
        question.done = end;
        asked.push(question);
        return () => {
          question.done = undefined;
          timer.cancel();
        };
      },
      onHang: (reason) => {
        isReady = false;
        told.push(reason);
      },
      onHangsOn: () => told.push('hangs on'),
      onAlive: () => {
        isReady = true;
        told.push('alive');
      },
    });

  const open = () => asked.filter(({ done }) => done !== undefined);
  /** A list of a client waits for so long: it says so twice a second. */
  const wait = (ms: number, rpc: WatchedList = PODS) => {
    for (let spentMs = 0; spentMs < ms; spentMs += 500) {
      watch.late(rpc);
      clock.advance(500);
    }
  };
  const hang = (rpc: WatchedList = PODS) => {
    wait(66_000, rpc);
    expect(told).toEqual([`it answers Version, but no ${rpc} for 60 s`]);
    told.length = 0;
  };

  it('is asked for the list that is late, once, when no list was answered for five seconds', () => {
    wait(5_000);
    expect(asked).toEqual([]);
    wait(10_000);
    expect(open()).toMatchObject([{ rpc: PODS, atMs: 6_000 }]);
    expect(asked).toHaveLength(1);
  });

  it('hangs when it has not answered that for 60 s, and says which list it owes', () => {
    wait(64_500, CONTAINERS);
    expect(told).toEqual([]);
    wait(1_000, CONTAINERS);
    expect(told).toEqual(['it answers Version, but no ListContainers for 60 s']);
  });

  it('has longer where the config lets its lists take longer', () => {
    watch = watchWith(120_000);
    wait(124_500);
    expect(told).toEqual([]);
    wait(1_000);
    expect(told).toEqual(['it answers Version, but no ListPodSandbox for 120 s']);
  });

  it('does not hang while it answers any list now and then, and is asked again at most every five seconds', () => {
    for (let i = 0; i < 20; i++) {
      wait(30_000);
      if (i % 2 === 0) watch.endedWith(CONTAINERS, STATUS.OK);
      else watch.ended(PODS, { ...UNANSWERED, code: STATUS.UNKNOWN });
      expect(open()).toEqual([]);
    }
    expect(told).toEqual([]);
    expect(asked).toHaveLength(20);
    for (const [i, { atMs }] of asked.entries())
      expect(atMs - (asked[i - 1]?.atMs ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  it('hangs though calls for lists end because their time is over, and others are answered', () => {
    for (let i = 0; i < 11; i++) {
      wait(6_000);
      watch.ended(PODS, UNANSWERED);
      watch.endedWith(PODS, STATUS.DEADLINE_EXCEEDED);
      watch.endedWith('ListImages', STATUS.OK);
    }
    expect(told).toHaveLength(1);
  });

  it('does not hang when it answers in the sixtieth second', () => {
    for (let i = 0; i < 5; i++) {
      wait(5_500);
      clock.advance(58_000);
      open()[0]?.done?.('some');
    }
    expect(told).toEqual([]);
  });

  it('does not hang for want of an answer to a question that it never got', () => {
    canAsk = false;
    wait(200_000);
    expect([told, asked]).toEqual([[], []]);
    canAsk = true;
    for (let i = 0; i < 20; i++) {
      wait(30_000);
      open()[0]?.done?.('lost');
    }
    expect(told).toEqual([]);
  });

  it('is not asked when nobody waits for a list', () => {
    clock.advance(600_000);
    expect([told, asked]).toEqual([[], []]);
  });

  it('is asked again for that list while it hangs, one question at a time, and its calls hear that it hangs on', () => {
    hang(CONTAINERS);
    asked.length = 0;
    for (let i = 0; i < 600; i++) {
      clock.advance(1_000);
      expect(open().length).toBeLessThanOrEqual(1);
    }
    expect(new Set(asked.map(({ rpc }) => rpc))).toEqual(new Set([CONTAINERS]));
    expect(asked.length).toBeGreaterThanOrEqual(9);
    expect(asked.length).toBeLessThanOrEqual(10);
    expect(told).toEqual(Array.from({ length: 120 }, () => 'hangs on'));
  });

  it('is back with its first answer, and can be found to hang a minute later, not before', () => {
    hang();
    clock.advance(7_000);
    told.length = 0;
    open()[0]?.done?.('some');
    expect(told).toEqual(['alive']);
    told.length = 0;
    wait(64_500);
    expect(told).toEqual([]);
    wait(1_000);
    expect(told).toEqual(['it answers Version, but no ListPodSandbox for 60 s']);
  });

  it('is asked again in a moment when a question was lost while it hangs', () => {
    hang();
    clock.advance(5_000);
    open()[0]?.done?.('lost');
    asked.length = 0;
    clock.advance(10_000);
    expect(open()).toHaveLength(1);
    expect(told).not.toContain('alive');
  });

  it('has a new life with a new connection', () => {
    wait(40_000);
    watch.reset();
    expect(open()).toEqual([]);
    wait(60_000);
    expect(told).toEqual([]);
    wait(6_000);
    expect(told.splice(0)).toHaveLength(1);
    isReady = true;
    watch.reset();
    clock.advance(100_000);
    expect([told, open()]).toEqual([[], []]);
  });
});
