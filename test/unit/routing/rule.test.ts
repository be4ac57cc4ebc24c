import { describe, expect, test } from 'vitest';
import type { ConfigFileInput } from '../../../src/config/schema.ts';
import { compileRule, findMismatch } from '../../../src/routing/rule.ts';
import { aConfig } from '../../support/a-config.ts';
import { aPod, type PodWish } from '../../support/a-pod.ts';

type Match = NonNullable<NonNullable<ConfigFileInput['rules']>[number]['match']>;

function mismatch(match: Match, wish: PodWish) {
  const [rule] = aConfig({ rules: [{ name: 'r', match, backend: 'containerd', handler: 'x' }] }).rules;
  if (rule === undefined) throw new Error('the config has no rule');
  return findMismatch(compileRule(rule), aPod(wish));
}

describe('matches', () => {
  test.each<[what: string, match: Match, wish: PodWish]>([
    ['every pod when nothing is said', {}, { handler: 'x', namespace: 'y' }],
    ['a handler', { handler: 'gvisor' }, { handler: 'gvisor' }],
    ['a handler by a glob', { handler: 'kata-*' }, { handler: 'kata-qemu' }],
    ['any handler', { handler: { exists: true } }, { handler: 'gvisor' }],
    ['no handler, as ""', { handler: '' }, {}],
    ['no handler, as not existing', { handler: { exists: false } }, {}],
    ['one of several namespaces', { namespaces: ['a', 'ci-*'] }, { namespace: 'ci-7' }],
    ['one of several names', { names: ['db', 'web-*'] }, { name: 'web-0' }],
    ['a label', { labels: { app: 'web' } }, { labels: { app: 'web', tier: 'front' } }],
    ['a label that is there, also empty', { labels: { app: { exists: true } } }, { labels: { app: '' } }],
    ['a label that is not there', { labels: { app: { exists: false } } }, { labels: { tier: 'web' } }],
    ['an annotation by a glob', { annotations: { 'a/b': 'x*z' } }, { annotations: { 'a/b': 'xyz' } }],
    ['a privileged pod', { privileged: true }, { privileged: true }],
    ['a pod that is not privileged', { privileged: false }, {}],
    ['a pod on the network of the host', { hostNetwork: true }, { hostNetwork: true }],
    ['a pod with the processes of the host', { hostPID: true }, { hostPID: true }],
    ['a pod with the IPC of the host', { hostIPC: true }, { hostIPC: true }],
    [
      'all keys at once',
      { handler: '', namespaces: ['a'], labels: { b: 'c', d: 'e*' }, hostPID: false },
      { namespace: 'a', labels: { b: 'c', d: 'ef' } },
    ],
  ])('%s', (_, match, wish) => {
    expect(mismatch(match, wish)).toBeUndefined();
  });
});

describe('says what keeps it from matching', () => {
  test.each<
    [
      what: string,
      match: Match,
      wish: PodWish,
      key: string,
      wanted: string,
      found: string | boolean | undefined,
    ]
  >([
    ['another handler', { handler: 'gvisor' }, { handler: 'kata' }, 'handler', '"gvisor"', 'kata'],
    ['a handler where none is wanted', { handler: '' }, { handler: 'kata' }, 'handler', '""', 'kata'],
    ['no handler where one is wanted', { handler: { exists: true } }, {}, 'handler', 'any value', ''],
    [
      'another namespace',
      { namespaces: ['a', 'b-*'] },
      { namespace: 'c' },
      'namespaces',
      '"a" or "b-*"',
      'c',
    ],
    ['another name', { names: ['db-*'] }, { name: 'web-0' }, 'names', '"db-*"', 'web-0'],
    ['a label that is not there', { labels: { app: '*' } }, {}, 'labels.app', '"*"', undefined],
    [
      'a label that is there',
      { labels: { app: { exists: false } } },
      { labels: { app: '' } },
      'labels.app',
      'no value',
      '',
    ],
    [
      'another annotation',
      { annotations: { 'a/b': 'x' } },
      { annotations: { 'a/b': 'y' } },
      'annotations.a/b',
      '"x"',
      'y',
    ],
    [
      'a label for an annotation',
      { annotations: { a: 'x' } },
      { labels: { a: 'x' } },
      'annotations.a',
      '"x"',
      undefined,
    ],
    ['no privileges', { privileged: true }, {}, 'privileged', 'true', false],
    ['the network of the host', { hostNetwork: false }, { hostNetwork: true }, 'hostNetwork', 'false', true],
    ['other processes', { hostPID: true }, { hostNetwork: true, hostIPC: true }, 'hostPID', 'true', false],
    ['other IPC', { hostIPC: true }, { hostNetwork: true, hostPID: true }, 'hostIPC', 'true', false],
    [
      'one label of two',
      { labels: { a: 'x', b: 'y' } },
      { labels: { a: 'x', b: 'z' } },
      'labels.b',
      '"y"',
      'z',
    ],
  ])('%s', (_, match, wish, key, wanted, found) => {
    expect(mismatch(match, wish)).toEqual({ key, wanted, found });
  });
});
