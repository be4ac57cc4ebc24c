import { describe, expect, it } from 'vitest';
import { TOKEN_LIFE_MS, TOKENS_AT_MOST, Tokens } from '../../../src/streaming/tokens.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CLIENT = {};

function world() {
  const clock = new FakeClock();
  let count = 0;
  const tokens = new Tokens<string>({ clock, newToken: () => `token-${++count}` });
  return { clock, tokens };
}

describe('a token of the relay', () => {
  it('opens what it was made for, once', () => {
    const { tokens } = world();
    const token = tokens.issue('exec', 'a shell', CLIENT);
    expect(tokens.take('exec', token)).toBe('a shell');
    expect(tokens.take('exec', token)).toBeUndefined();
  });

  it('opens nothing of another kind, and is still good afterwards', () => {
    const { tokens } = world();
    const token = tokens.issue('exec', 'a shell', CLIENT);
    expect(tokens.take('attach', token)).toBeUndefined();
    expect(tokens.take('portforward', token)).toBeUndefined();
    expect(tokens.take('', token)).toBeUndefined();
    expect(tokens.take('exec', token)).toBe('a shell');
  });

  it('is good for a minute and not longer', () => {
    const { tokens, clock } = world();
    const early = tokens.issue('exec', 'early', CLIENT);
    const late = tokens.issue('exec', 'late', CLIENT);
    clock.advance(TOKEN_LIFE_MS - 1);
    expect(tokens.take('exec', early)).toBe('early');
    clock.advance(1);
    expect(tokens.take('exec', late)).toBeUndefined();
  });

  it('is dropped when a thousand newer ones are out', () => {
    const { tokens } = world();
    const issued = Array.from({ length: TOKENS_AT_MOST + 1 }, (_, i) =>
      tokens.issue('exec', `stream ${i}`, CLIENT),
    );
    const [first = '', second = ''] = issued;
    expect(tokens.take('exec', first)).toBeUndefined();
    expect(tokens.take('exec', second)).toBe('stream 1');
    expect(tokens.take('exec', issued.at(-1) ?? '')).toBe(`stream ${TOKENS_AT_MOST}`);
  });

  it('stays when another client asks for thousands: that one loses its own oldest', () => {
    const { tokens } = world();
    const [greedy, modest] = [{}, {}];
    const mine = [tokens.issue('exec', 'mine', modest), tokens.issue('attach', 'mine', modest)];
    const theirs = Array.from({ length: 3 * TOKENS_AT_MOST }, () => tokens.issue('exec', 'theirs', greedy));
    const late = tokens.issue('exec', 'late', {});
    expect([tokens.take('exec', mine[0] ?? ''), tokens.take('attach', mine[1] ?? '')]).toEqual([
      'mine',
      'mine',
    ]);
    expect(tokens.take('exec', late)).toBe('late');
    const kept = theirs.filter((token) => tokens.take('exec', token) !== undefined);
    expect(kept).toEqual(theirs.slice(3 - TOKENS_AT_MOST));
  });

  it('makes room when its time is over, so that only those still good are counted', () => {
    const { tokens, clock } = world();
    for (let i = 0; i < TOKENS_AT_MOST; i++) tokens.issue('exec', 'old', CLIENT);
    clock.advance(TOKEN_LIFE_MS);
    const issued = Array.from({ length: TOKENS_AT_MOST }, () => tokens.issue('exec', 'new', CLIENT));
    for (const token of issued) expect(tokens.take('exec', token)).toBe('new');
  });
});
