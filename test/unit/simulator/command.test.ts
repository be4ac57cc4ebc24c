import { describe, expect, it } from 'vitest';
import { outcomeOf, trapsTerm } from '../../../src/simulator/command.ts';

const where = { hostname: 'web-0', uid: 1000n, envs: new Map([['A', '1']]) };
const run = (...words: string[]) => {
  const outcome = outcomeOf(words, where);
  return (
    outcome && [outcome.stdout.toString(), outcome.stderr.toString(), outcome.exitCode, outcome.durationMs]
  );
};

describe('a command', () => {
  it.each<[string[], unknown]>([
    [
      ['echo', 'a', 'b'],
      ['a b\n', '', 0, 0],
    ],
    [
      ['echo', '-n', 'a'],
      ['a', '', 0, 0],
    ],
    [
      ['/bin/echo', 'a'],
      ['a\n', '', 0, 0],
    ],
    [['true'], ['', '', 0, 0]],
    [['false'], ['', '', 1, 0]],
    [
      ['exit', '7'],
      ['', '', 7, 0],
    ],
    [
      ['sleep', '2'],
      ['', '', 0, 2000],
    ],
    [
      ['sleep', '0.5'],
      ['', '', 0, 500],
    ],
    [
      ['sleep', 'infinity'],
      ['', '', 0, Number.POSITIVE_INFINITY],
    ],
    [['cat'], ['', '', 0, 0]],
    [
      ['cat', '/etc/hostname'],
      ['web-0\n', '', 0, 0],
    ],
    [
      ['cat', '/none'],
      ['', "cat: can't open '/none': No such file or directory\n", 1, 0],
    ],
    [['hostname'], ['web-0\n', '', 0, 0]],
    [
      ['id', '-u'],
      ['1000\n', '', 0, 0],
    ],
    [['env'], ['A=1\n', '', 0, 0]],
    [
      ['head', '-c', '3', '/dev/zero'],
      ['xxx', '', 0, 0],
    ],
    [['juggle'], undefined],
    [[], undefined],
  ])('%j gives what a small Linux would', (words, expected) => {
    expect(run(...words)).toEqual(expected);
  });
});

describe('a shell line', () => {
  it.each([
    ['echo a; echo b', ['a\nb\n', '', 0, 0]],
    ['echo "a b"', ['a b\n', '', 0, 0]],
    ['true && echo yes || echo no', ['yes\n', '', 0, 0]],
    ['false && echo yes || echo no', ['no\n', '', 0, 0]],
    ['exit 3; echo never', ['', '', 3, 0]],
    ['echo oops >&2; exit 1', ['', 'oops\n', 1, 0]],
    ['echo oops 1>&2', ['', 'oops\n', 0, 0]],
    ['sleep 1; sleep 2', ['', '', 0, 3000]],
    ['juggle', ['', 'sh: juggle: not found\n', 127, 0]],
    ['', ['', '', 0, 0]],
  ])('%j runs step by step', (line, expected) => {
    expect(run('sh', '-c', line)).toEqual(expected);
  });
});

describe('trapsTerm', () => {
  it.each([
    [['sh', '-c', "trap '' TERM; sleep infinity"], true],
    [['sh', '-c', 'trap "" SIGTERM; server'], true],
    [['sh', '-c', 'trap cleanup TERM; server'], false],
    [['server'], false],
  ])('of %j is %s', (words, expected) => {
    expect(trapsTerm(words)).toBe(expected);
  });
});
