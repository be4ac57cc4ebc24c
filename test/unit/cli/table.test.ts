import { describe, expect, it } from 'vitest';
import { formatColumns, formatTable, paintFor } from '../../../src/cli/table.ts';
import { fakeContext } from './fake-context.ts';

describe('a table', () => {
  it('aligns its columns under a head in capitals and leaves no blanks at the ends', () => {
    expect(
      formatTable(
        ['pod', 'backend'],
        [
          ['default/web', 'containerd'],
          ['ci/a', 'docker'],
        ],
      ),
    ).toBe(['POD          BACKEND', 'default/web  containerd', 'ci/a         docker', ''].join('\n'));
  });

  it('writes a dash where there is nothing, so that columns can be counted', () => {
    expect(formatTable(['a', 'b', 'c'], [['1', '', '3']])).toBe('A  B  C\n1  -  3\n');
  });

  it('reckons widths without the colours', () => {
    const { stdout, env } = fakeContext({ isTTY: true }).process;
    const text = formatColumns(
      [
        [{ text: 'ok', style: 'green' }, 'x'],
        ['plain', 'y'],
      ],
      paintFor(stdout, env),
    );
    expect(text).toBe('\u001b[32mok\u001b[39m     x\nplain  y\n');
  });
});

describe('paint', () => {
  it('is used on a terminal', () => {
    const { stdout, env } = fakeContext({ isTTY: true }).process;
    expect(paintFor(stdout, env)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
  });

  it('is left out where the output is no terminal', () => {
    const { stdout, env } = fakeContext().process;
    expect(paintFor(stdout, env)('red', 'x')).toBe('x');
  });

  it('is left out where the terminal says it has no colours, as it does under NO_COLOR', () => {
    expect(paintFor({ write: () => {}, getColorDepth: () => 1 }, { NO_COLOR: '1' })('red', 'x')).toBe('x');
  });
});
