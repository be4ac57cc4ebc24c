import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StopSignals } from '../../../src/cli/stop.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeContext } from './fake-context.ts';

const never = () => new Promise<void>(() => {});

describe('the signals that stop a command', () => {
  it('let it close in peace at the first one', async () => {
    const context = fakeContext();
    using stop = new StopSignals(context, [], new FakeClock());
    context.signal('SIGTERM');
    await stop.first;
    await stop.unlessTwice(context, Promise.resolve());
    expect(context.process.exitCode).toBeUndefined();
  });

  it('end the wait at the second one, as a failure', async () => {
    const context = fakeContext();
    const clock = new FakeClock();
    using stop = new StopSignals(context, [], clock);
    context.signal('SIGINT');
    clock.advance(2_000);
    context.signal('SIGTERM');
    await stop.unlessTwice(context, never());
    expect(context.process.exitCode).toBe(1);
  });

  it('are one wish when they come at once, as Ctrl-C under npm does, and another one later', async () => {
    const context = fakeContext();
    const clock = new FakeClock();
    using stop = new StopSignals(context, [], clock);
    let isCutShort = false;
    const work = stop.unlessTwice(context, never()).then(() => {
      isCutShort = true;
    });
    context.signal('SIGINT');
    for (const waitMs of [0, 20, 480]) {
      clock.advance(waitMs);
      context.signal('SIGINT');
    }
    await nextTurn();
    expect([isCutShort, context.process.exitCode]).toEqual([false, undefined]);
    clock.advance(1);
    context.signal('SIGINT');
    await work;
    expect(context.process.exitCode).toBe(1);
  });

  it('are heard no more once the command has ended', () => {
    const context = fakeContext();
    {
      using _stop = new StopSignals(context, [], new FakeClock());
      expect(context.signalListeners).toBe(1);
    }
    expect(context.signalListeners).toBe(0);
  });
});
