// The judge of the faults suite, judged itself: each kind of wrong answer must be found, and nothing else.
import { describe, expect, it } from 'vitest';
import { AnswerCheck, type Entry } from './answer-check.ts';

const now = () => performance.now();
const sandbox = (id: string, isUp = true): Entry => ({ id, uid: `uid-${id}`, parent: `uid-${id}`, isUp });
const container = (id: string, parent: string, isUp: boolean): Entry => ({
  id,
  uid: `uid-${parent}`,
  parent,
  isUp,
});

/** A check that knows a sandbox `s` with a running container `c` on backend `one`. */
function aCheck(): AnswerCheck {
  const check = new AnswerCheck(['one', 'two']);
  check.creationBegins('uid-s', 'one');
  check.created('sandbox', sandbox('s'), 'one', now());
  check.creationBegins('s', 'one');
  check.created('container', container('c', 's', false), 'one', now());
  check.turnBegins('c');
  check.turned('c', true, now());
  return check;
}

function wrongsOf(act: (check: AnswerCheck) => void): string[] {
  const check = aCheck();
  act(check);
  return check.wrongs;
}

describe('the check of answers', () => {
  it('finds nothing wrong with right answers', () => {
    const wrongs = wrongsOf((check) => {
      check.listed('sandbox', [sandbox('s')], {}, now());
      check.listed('container', [container('c', 's', true)], { isUp: true }, now());
      check.listed('sandbox', [], { uid: 'uid-other' }, now());
      check.reached('c', now());
      check.showed('c', true, now());
      check.turnBegins('s');
      check.showed('c', false, now());
      // What is under way may show or not.
      check.listed('container', [container('c', 's', true)], {}, now());
      check.listed('container', [container('c', 's', false)], {}, now());
      check.turned('s', false, now());
      const before = now();
      check.removalBegins('s');
      check.listed('sandbox', [sandbox('s', false)], {}, now());
      check.listed('sandbox', [], {}, now());
      check.removed('s', now());
      check.listed('sandbox', [sandbox('s', false)], {}, before);
      check.listed('container', [], {}, now());
      check.denied('PodSandboxStatus', 's');
    });
    expect(wrongs).toEqual([]);
  });

  it.each<[string, RegExp, (check: AnswerCheck) => void]>([
    ['a short list', /lacks the living sandbox s of one/, (check) => check.listed('sandbox', [], {}, now())],
    [
      'a short list of one pod',
      /lacks the living container c/,
      (check) => check.listed('container', [], { uid: 'uid-s' }, now()),
    ],
    [
      'a short list of what runs',
      /lacks the living container c/,
      (check) => check.listed('container', [], { isUp: true }, now()),
    ],
    [
      'an id twice',
      /sandbox s twice/,
      (check) => check.listed('sandbox', [sandbox('s', false), sandbox('s')], {}, now()),
    ],
    [
      'two READY sandboxes of a pod',
      /two READY sandboxes/,
      (check) => {
        check.creationBegins('uid-s', 'one');
        check.listed(
          'sandbox',
          [sandbox('s'), { ...sandbox('t'), uid: 'uid-s', parent: 'uid-s' }],
          {},
          now(),
        );
      },
    ],
    [
      'an object that nobody made',
      /sandbox x, which nobody made/,
      (check) => check.listed('sandbox', [sandbox('s'), sandbox('x')], {}, now()),
    ],
    [
      'a list of others than were asked for',
      /which was not asked for/,
      (check) => check.listed('sandbox', [sandbox('s')], { uid: 'uid-other' }, now()),
    ],
    [
      'an old state',
      /container c of one up .* after it was down/,
      (check) => {
        check.turnBegins('c');
        check.turned('c', false, now());
        check.listed('container', [container('c', 's', true)], {}, now());
      },
    ],
    [
      'a removed container, gone with its sandbox',
      /shows container c of one .* after it was removed/,
      (check) => {
        check.removalBegins('s');
        check.removed('s', now());
        check.listed('container', [container('c', 's', true)], {}, now());
      },
    ],
    [
      'NOT_FOUND for what lives',
      /ends NOT_FOUND for the living/,
      (check) => check.denied('StopContainer', 'c'),
    ],
    [
      'a removal that cannot have happened',
      /the removal of container c of one went well, and backend one stands still/,
      (check) => {
        check.down('one');
        const began = now();
        check.removalBegins('c');
        check.removed('c', began);
      },
    ],
    [
      'an answer of a backend that stands still',
      /a call for sandbox s of one went well/,
      (check) => {
        check.down('one');
        check.reached('s', now());
      },
    ],
    [
      'a status that is not the last one known, also of a backend that stands still',
      /a status shows container c of one down/,
      (check) => {
        check.down('one');
        check.showed('c', false, now());
      },
    ],
    [
      'a status of what was removed',
      /container c of one answers .* after it was removed/,
      (check) => {
        check.removalBegins('c');
        check.removed('c', now());
        check.showed('c', true, now());
      },
    ],
    [
      'what a backend lost, once a list was without it',
      /shows the lost sandbox s of one again/,
      (check) => {
        check.down('one');
        check.up('one', true);
        check.listed('sandbox', [sandbox('s')], {}, now());
        check.listed('sandbox', [], {}, now());
        check.listed('sandbox', [sandbox('s')], {}, now());
      },
    ],
  ])('finds %s', (_, expected, act) => {
    const wrongs = wrongsOf(act);
    expect(wrongs).toHaveLength(1);
    expect(wrongs[0]).toMatch(expected);
  });

  it('takes a sandbox for made whose answer was lost, and wants it in lists from then on', () => {
    const wrongs = wrongsOf((check) => {
      check.creationBegins('uid-t', 'two');
      check.listed('sandbox', [sandbox('s'), sandbox('t')], {}, now());
      expect(check.expected('sandbox', 'two')).toEqual({ must: ['t'], may: new Set(['t']) });
      check.listed('sandbox', [sandbox('s')], {}, now());
    });
    expect(wrongs).toEqual(['a list lacks the living sandbox t of two']);
  });
});
