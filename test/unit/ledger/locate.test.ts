import { expect, it } from 'vitest';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { Locator } from '../../../src/ledger/locate.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A locator without backends, so that nobody has anything; `searches` counts how often all were asked. */
function aLocator() {
  const counted = { searches: 0 };
  const locator = new Locator({
    backends: [],
    ledger: new Ledger(),
    clock: new FakeClock(),
    onOutcome: () => {
      counted.searches++;
    },
  });
  return { locator, counted };
}

it('an id that nobody has is asked for once in a second', async () => {
  const { locator, counted } = aLocator();
  for (let i = 0; i < 3; i++)
    expect(await locator.locate('sandbox', 'a'.repeat(64))).toEqual({ kind: 'absent' });
  expect(counted.searches).toBe(1);
});

it('an id that is too long to be one is not kept', async () => {
  const { locator, counted } = aLocator();
  for (let i = 0; i < 3; i++)
    expect(await locator.locate('sandbox', 'a'.repeat(5_000_000))).toEqual({ kind: 'absent' });
  expect(counted.searches).toBe(3);
});

it('what is kept of absent and removed ids is bounded in bytes', async () => {
  const { locator, counted } = aLocator();
  const long = (i: number) => `${i}${'a'.repeat(100_000)}`;
  for (let i = 0; i < 100; i++) await locator.locate('sandbox', long(i));
  expect(counted.searches).toBe(100);
  await locator.locate('sandbox', long(99));
  expect(counted.searches).toBe(100);
  await locator.locate('sandbox', long(0));
  expect(counted.searches).toBe(101);
  for (let i = 0; i < 100; i++) locator.noteRemoved('container', long(i));
  await locator.locate('container', long(99));
  expect(counted.searches).toBe(101);
  await locator.locate('container', long(0));
  expect(counted.searches).toBe(102);
});
