import { expect, test } from 'vitest';
import { closest, suggest } from '../../../src/config/suggestion.ts';

const KEYS = [
  'handler',
  'namespaces',
  'names',
  'labels',
  'annotations',
  'privileged',
  'hostNetwork',
  'hostPID',
];

test.each([
  ['namespace', 'namespaces'],
  ['name', 'names'],
  ['label', 'labels'],
  ['anotations', 'annotations'],
  ['hostnetwork', 'hostNetwork'],
  ['hostPid', 'hostPID'],
  ['priviledged', 'privileged'],
  ['hanlder', 'handler'],
])('takes %s for %s', (word, meant) => {
  expect(closest(word, KEYS)).toBe(meant);
});

test.each(['zone', 'x', '', 'selector'])('has no guess for %j', (word) => {
  expect(closest(word, KEYS)).toBeUndefined();
});

test('names all there is where it has no guess', () => {
  expect(suggest('zone', ['', 'a', 'b'], 'There are')).toBe('There are: "", a, b');
});
