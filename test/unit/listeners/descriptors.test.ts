import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  descriptorLimit,
  shareDescriptors,
  warnOfFew,
  watchDescriptors,
} from '../../../src/listeners/descriptors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';

describe('the descriptors of the process', () => {
  it('are as many as the system says, and few where it does not say', () => {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    expect(descriptorLimit()).toBe(Number(soft));
    expect(descriptorLimit(() => 'Max open files   64   4096   files\n')).toBe(64);
    expect(descriptorLimit(() => 'Max open files   unlimited   unlimited   files\n')).toBeGreaterThan(1e9);
    const missing = () => {
      throw new Error('ENOENT');
    };
    expect(descriptorLimit(missing)).toBe(1_024);
  });

  it('are shared so that all listeners together leave what the process and its backends need', () => {
    const any = fc.record({
      limit: fc.integer({ min: 128, max: 1e6 }),
      backends: fc.integer({ min: 1, max: 10 }),
      hasRelay: fc.boolean(),
    });
    fc.assert(
      fc.property(any, ({ limit, backends, hasRelay }) => {
        const { cri, admin, streams } = shareDescriptors(limit, backends, hasRelay);
        expect(cri + admin + 2 * streams).toBeLessThanOrEqual(limit - 30 - 3 * backends);
        expect(cri).toBeGreaterThan(admin);
      }),
    );
  });

  it.each([
    [65_536, true, { cri: 1_024, admin: 64, streams: 1_200 }],
    [1_024, true, { cri: 592, admin: 64, streams: 163 }],
    [1_024, false, { cri: 918, admin: 64, streams: 0 }],
    [64, false, { cri: 18, admin: 4, streams: 0 }],
    [20, false, { cri: 8, admin: 4, streams: 0 }],
  ])('of %i, with a relay: %s, are shared so', (limit, hasRelay, limits) => {
    expect(shareDescriptors(limit, 2, hasRelay)).toEqual(limits);
  });

  it('are too few for the log to keep silent when hardly a client finds room', () => {
    const lines: LogLine[] = [];
    warnOfFew(1_024, shareDescriptors(1_024, 2, true), recorder(lines));
    expect(lines).toEqual([]);
    warnOfFew(64, shareDescriptors(64, 2, true), recorder(lines));
    expect(lines).toMatchObject([
      { level: 'warn', fields: { descriptors: 64 }, text: expect.stringContaining('LimitNOFILE') },
    ]);
  });

  it.each(['EMFILE', 'ENFILE'])(
    'that have run out (%s) are in the log once a minute, and once when it is over',
    (code) => {
      const [clock, lines] = [new FakeClock(), [] as LogLine[]];
      let outcome: string | undefined = code;
      const stop = watchDescriptors(clock, recorder(lines), () => outcome);
      clock.advance(59_999);
      expect(lines).toMatchObject([
        { level: 'error', fields: { code }, text: expect.stringContaining('LimitNOFILE') },
      ]);
      clock.advance(10_000);
      expect(lines).toHaveLength(2);
      outcome = undefined;
      clock.advance(60_000);
      expect(lines[2]).toMatchObject({ level: 'info', text: 'files can be opened again' });
      stop();
      outcome = code;
      clock.advance(60_000);
      expect(lines).toHaveLength(3);
    },
  );
});
