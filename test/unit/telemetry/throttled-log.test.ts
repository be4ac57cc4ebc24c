import { describe, expect, it } from 'vitest';
import { throttledLog } from '../../../src/telemetry/throttled-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';

function aLog() {
  const lines: LogLine[] = [];
  const clock = new FakeClock();
  return { lines, clock, log: throttledLog(recorder(lines), clock) };
}

describe('the log of what peers can bring about', () => {
  it('writes ten lines of one kind in a second, and then how many more there were', () => {
    const { lines, clock, log } = aLog();
    for (let i = 0; i < 25; i++) log.warn({ backend: 'a', reason: `reason ${i}` }, 'it fails');
    expect(lines.map(({ fields }) => fields['reason'])).toEqual(
      Array.from({ length: 10 }, (_, i) => `reason ${i}`),
    );
    clock.advance(1000);
    expect(lines.slice(10)).toEqual([
      {
        level: 'warn',
        fields: { line: 'it fails', backend: 'a', count: 15 },
        text: 'more lines of one kind in the same second',
      },
    ]);
    log.warn({ backend: 'a' }, 'it fails');
    expect(lines.length).toBe(12);
  });

  it('leaves out nothing of another backend, text or level', () => {
    const { lines, log } = aLog();
    for (let i = 0; i < 20; i++) log.warn({ backend: 'a' }, 'it fails');
    log.warn({ backend: 'b' }, 'it fails');
    log.warn({ backend: 'a' }, 'it is late');
    log.error({ backend: 'a' }, 'it fails');
    log.info('a text alone');
    expect(lines.slice(10)).toEqual([
      { level: 'warn', fields: { backend: 'b' }, text: 'it fails' },
      { level: 'warn', fields: { backend: 'a' }, text: 'it is late' },
      { level: 'error', fields: { backend: 'a' }, text: 'it fails' },
      { level: 'info', fields: {}, text: 'a text alone' },
    ]);
  });

  it('takes ever new texts for one kind, and keeps those it knows apart', () => {
    const { lines, clock, log } = aLog();
    log.warn('known');
    for (let i = 0; i < 2_000; i++) log.warn(`text ${i}`);
    expect(lines.length).toBeLessThan(520);
    log.warn('known');
    expect(lines.at(-1)?.text).toBe('known');
    clock.advance(1000);
    expect(lines.at(-1)?.fields).toEqual({ count: 1_491 });
  });
});
