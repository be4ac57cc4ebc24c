import { describe, expect, it } from 'vitest';
import { HeldOutput } from '../../../src/cli/held-output.ts';

function held(): { lines: string[]; output: HeldOutput } {
  const lines: string[] = [];
  return { lines, output: new HeldOutput({ write: (line) => lines.push(line) }) };
}

describe('a held output', () => {
  it('keeps lines until it may pass them, and then passes each at once', () => {
    const { lines, output } = held();
    output.write('a');
    expect(lines).toEqual([]);
    output.pass();
    output.write('b');
    expect(lines).toEqual(['a', 'b']);
  });

  it('forgets what it is told to drop, and keeps what comes after', () => {
    const { lines, output } = held();
    output.write('a');
    output.drop();
    output.write('b');
    output.pass();
    expect(lines).toEqual(['b']);
  });

  it('passes what it holds at its end, so that a failure leaves its log', () => {
    const { lines, output } = held();
    {
      using ending = output;
      ending.write('a');
    }
    expect(lines).toEqual(['a']);
  });

  it('says nothing more once it is muted', () => {
    const { lines, output } = held();
    {
      using ending = output;
      ending.write('a');
      ending.mute();
      ending.write('b');
    }
    output.write('c');
    expect(lines).toEqual([]);
  });
});
