import { expect, it } from 'vitest';
import { NoRouteError } from '../../src/errors.ts';

it('an error says who speaks, what happened and what to do', () => {
  const error = new NoRouteError('no backend exposes the handler', {
    hint: 'Add it to the handlers of a backend',
  });
  expect(error.toStatusMessage()).toBe(
    'switchyard: no backend exposes the handler. Add it to the handlers of a backend',
  );
});

it.each(['x', 'ü', '😀'])(
  'a status message has at most 4 KiB, of which the hint has its part: %s',
  (character) => {
    const long = character.repeat(10_000);
    const text = new NoRouteError(long, { hint: 'Look at the log' }).toStatusMessage();
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(text).toMatch(/^switchyard: .+\.\.\. \(\d+ bytes\)\. Look at the log$/u);
    const both = new NoRouteError(long, { hint: long }).toStatusMessage();
    expect(Buffer.byteLength(both)).toBeLessThanOrEqual(4096);
    expect(Buffer.byteLength(both)).toBeGreaterThan(4000);
  },
);
