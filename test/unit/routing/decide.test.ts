import { describe, expect, test } from 'vitest';
import { type Decision, decide } from '../../../src/routing/decide.ts';
import { aConfig, type ConfigTraits } from '../../support/a-config.ts';
import { aPod, type PodWish } from '../../support/a-pod.ts';

const BACKENDS: NonNullable<ConfigTraits['backends']> = [
  { name: 'containerd', endpoint: '/run/a.sock', default: true, handlers: ['runc'] },
  { name: 'docker', endpoint: '/run/b.sock', handlers: { docker: 'docker-runc' } },
  { name: 'gvisor', endpoint: '/run/c.sock', isolation: 'sandboxed', handlers: { gvisor: '' } },
  { name: 'kata', endpoint: '/run/d.sock', isolation: 'vm', handlers: { kata: 'kata-qemu' } },
];
const ANNOTATION = { key: 'example.com/backend', namespaces: ['build-*'] };

type Rules = NonNullable<ConfigTraits['rules']>;

function decideFor(wish: PodWish, rules: Rules = [], traits: ConfigTraits = {}): Decision {
  return decide(aConfig({ backends: BACKENDS, rules, ...traits }), aPod(wish));
}

function choosing(backend: string, wish: PodWish = {}, rules: Rules = []): Decision {
  const annotations = { [ANNOTATION.key]: backend };
  return decideFor({ namespace: 'build-1', annotations, ...wish }, rules, { annotation: ANNOTATION });
}

describe('without a rule', () => {
  test('places a pod without a handler on the default backend', () => {
    expect(decideFor({})).toEqual({
      kind: 'placed',
      backend: 'containerd',
      handler: '',
      rule: 'default',
      trace: [{ stage: 'default', outcome: 'placed', because: 'the pod asks for no runtime handler' }],
    });
  });

  test('places a pod on the backend that exposes its handler, and sends the name that backend knows', () => {
    expect(decideFor({ handler: 'docker' })).toMatchObject({
      kind: 'placed',
      backend: 'docker',
      handler: 'docker-runc',
      rule: 'handler',
      trace: [{ stage: 'handler', outcome: 'placed', because: 'backend docker exposes "docker"' }],
    });
    expect(decideFor({ handler: 'gvisor' })).toMatchObject({ backend: 'gvisor', handler: '' });
  });

  test('refuses a handler that nothing exposes, and says what is exposed', () => {
    const reason = 'no backend exposes the runtime handler "crun"';
    expect(decideFor({ handler: 'crun' })).toEqual({
      kind: 'refused',
      reason,
      hint: 'Add it to the handlers of a backend; exposed are: runc, docker, gvisor, kata',
      rule: 'handler',
      trace: [{ stage: 'handler', outcome: 'refused', because: reason }],
    });
  });

  test('refuses a handler by the name the backend knows it', () => {
    expect(decideFor({ handler: 'kata-qemu' }).kind).toBe('refused');
  });
});

describe('with rules', () => {
  const stay = { name: 'stay', match: { namespaces: ['kube-system'] }, backend: 'containerd' };

  test('lets the first rule that matches win, and tells why the others before it did not', () => {
    const rules: Rules = [
      stay,
      { name: 'ci', match: { namespaces: ['ci-*'], labels: { needs: 'docker' } }, backend: 'docker' },
      { name: 'all', match: { handler: '' }, backend: 'gvisor' },
    ];
    const decision = decideFor({ namespace: 'ci-1', labels: { needs: 'docker' } }, rules);
    expect(decision).toEqual({
      kind: 'placed',
      backend: 'docker',
      handler: '',
      rule: 'ci',
      trace: [
        {
          stage: 'rule',
          rule: 'stay',
          outcome: 'passed over',
          because: { key: 'namespaces', wanted: '"kube-system"', found: 'ci-1' },
        },
        { stage: 'rule', rule: 'ci', outcome: 'placed', because: 'it matches' },
      ],
    });
  });

  test('falls through to handler and default when no rule matches', () => {
    expect(decideFor({}, [stay])).toMatchObject({ backend: 'containerd', rule: 'default' });
    expect(decideFor({ handler: 'kata' }, [stay])).toMatchObject({ backend: 'kata', rule: 'handler' });
  });

  test('sends the handler as the rule says, else as the backend maps it, else as it came when it is empty', () => {
    const rule = { name: 'r', match: { names: ['web-*'] }, backend: 'kata' };
    expect(decideFor({}, [{ ...rule, handler: 'kata-clh' }])).toMatchObject({
      backend: 'kata',
      handler: 'kata-clh',
    });
    expect(decideFor({ handler: 'kata' }, [rule])).toMatchObject({ backend: 'kata', handler: 'kata-qemu' });
    expect(decideFor({}, [rule])).toMatchObject({ backend: 'kata', handler: '' });
  });

  test('refuses a pod whose handler the backend of the rule does not expose', () => {
    const rule = { name: 'r', match: { namespaces: ['default'] }, backend: 'docker' };
    expect(decideFor({ handler: 'runc' }, [rule])).toMatchObject({
      kind: 'refused',
      rule: 'r',
      reason: 'rule "r" places it on backend docker, which does not expose its runtime handler "runc"',
      hint: "Let the pod ask for no runtime handler, or for one that backend docker exposes: docker; or name it in the rule's match.handler and say in the rule's handler what to send instead",
    });
  });

  test('advises no other handler to be sent to a backend that isolates pods', () => {
    const rule = { name: 'r', match: { namespaces: ['default'] }, backend: 'gvisor' };
    expect(decideFor({ handler: 'runc' }, [rule])).toMatchObject({
      kind: 'refused',
      hint: 'Let the pod ask for no runtime handler, or for one that backend gvisor exposes: gvisor',
    });
  });

  test('replaces a handler the pod asked for only where the rule names handlers', () => {
    const rule = { name: 'r', match: { namespaces: ['default'] }, backend: 'docker', handler: 'x' };
    expect(decideFor({ handler: 'docker' }, [rule])).toMatchObject({
      backend: 'docker',
      handler: 'docker-runc',
    });
    expect(decideFor({ handler: 'runc' }, [rule]).kind).toBe('refused');
    expect(decideFor({ handler: 'crun' }, [rule]).kind).toBe('refused');
    const naming = { ...rule, match: { handler: '*run*' } };
    expect(decideFor({ handler: 'runc' }, [naming])).toMatchObject({ backend: 'docker', handler: 'x' });
    expect(decideFor({ handler: 'crun' }, [naming])).toMatchObject({ backend: 'docker', handler: 'x' });
  });

  test('splits pods by UID, and says which way', () => {
    const split = {
      name: 'canary',
      match: { handler: '' },
      split: [
        { backend: 'containerd', weight: 1 },
        { backend: 'docker', weight: 1 },
      ],
    };
    const decisions = Array.from({ length: 50 }, (_, i) => decideFor({ uid: `u-${i}` }, [split]));
    const backends = decisions.map((decision) => decision.kind === 'placed' && decision.backend);
    expect(new Set(backends)).toEqual(new Set(['containerd', 'docker']));
    expect(decideFor({ uid: 'u-0' }, [split])).toEqual(decisions[0]);
    expect(decisions[0]?.trace).toMatchObject([
      { because: `it matches, and the split (containerd 1, docker 1) gives "u-0" to ${backends[0]}` },
    ]);
  });

  test('splits pods without a UID by their name', () => {
    const split = {
      name: 'canary',
      match: {},
      split: [
        { backend: 'kata', weight: 1 },
        { backend: 'kata-2', weight: 1 },
      ],
      handler: 'k',
    };
    const backends = [...BACKENDS, { name: 'kata-2', endpoint: '/run/e.sock', isolation: 'vm' as const }];
    const places = Array.from({ length: 50 }, (_, i) => {
      const decision = decideFor({ uid: '', name: `pod-${i}` }, [split], { backends });
      return decision.kind === 'placed' && decision.backend;
    });
    expect(new Set(places)).toEqual(new Set(['kata', 'kata-2']));
  });

  test('names the fallback, with the handler to send there', () => {
    const rule = { name: 'r', match: { handler: '' }, backend: 'gvisor', fallback: 'kata' };
    expect(decideFor({}, [rule])).toMatchObject({ fallback: { backend: 'kata', handler: '' } });
    expect(decideFor({}, [{ ...rule, handler: 'x' }])).toMatchObject({
      handler: 'x',
      fallback: { backend: 'kata', handler: 'x' },
    });
  });

  test('names no fallback that could not take this very pod', () => {
    const rule = { name: 'r', match: { namespaces: ['default'] }, backend: 'gvisor', fallback: 'kata' };
    expect(decideFor({ handler: 'gvisor' }, [rule])).not.toHaveProperty('fallback');
  });
});

describe('isolation', () => {
  test('refuses to place a sandboxed handler on a weaker backend by a rule', () => {
    const rule = { name: 'r', match: { namespaces: ['default'] }, backend: 'docker' };
    expect(decideFor({ handler: 'gvisor' }, [rule])).toMatchObject({
      kind: 'refused',
      rule: 'r',
      reason:
        'rule "r" places it on backend docker (isolation shared), but its runtime handler "gvisor" stands for backend gvisor (isolation sandboxed)',
      hint: 'To place it on gvisor, put before that rule one with the same match and handler: "gvisor", and backend: gvisor',
    });
  });

  test('lets a rule place a handler on a stronger backend', () => {
    const rule = { name: 'r', match: { handler: 'gvisor' }, backend: 'kata', handler: 'kata-qemu' };
    expect(decideFor({ handler: 'gvisor' }, [rule])).toMatchObject({ backend: 'kata', handler: 'kata-qemu' });
  });

  test('takes a pod without a handler for one that asks for no isolation, also when the default is a vm', () => {
    const backends = BACKENDS.map((backend) => ({ ...backend, default: backend.name === 'kata' }));
    const rule = { name: 'r', match: { handler: '', privileged: true }, backend: 'docker' };
    expect(decideFor({ privileged: true }, [rule], { backends })).toMatchObject({
      backend: 'docker',
      rule: 'r',
    });
  });
});

describe('the annotation', () => {
  test('chooses the backend in the namespaces of the config', () => {
    expect(choosing('docker')).toEqual({
      kind: 'placed',
      backend: 'docker',
      handler: '',
      rule: 'annotation',
      trace: [{ stage: 'annotation', outcome: 'placed', because: 'example.com/backend is "docker"' }],
    });
  });

  test('comes before the rules', () => {
    const rule = { name: 'r', match: {}, backend: 'kata', handler: 'kata-qemu' };
    expect(choosing('docker', {}, [rule])).toMatchObject({ backend: 'docker', rule: 'annotation' });
  });

  test.each<[why: string, backend: string, wish: PodWish, because: string]>([
    [
      'in another namespace',
      'docker',
      { namespace: 'default' },
      'example.com/backend is ignored in namespace "default": pods may choose only in "build-*"',
    ],
    ['that is empty', '', {}, 'example.com/backend is empty'],
    ['that is not set', '', { annotations: {} }, 'example.com/backend is not set'],
  ])('is passed over %s', (_, backend, wish, because) => {
    expect(choosing(backend, wish)).toMatchObject({
      backend: 'containerd',
      rule: 'default',
      trace: [{ stage: 'annotation', outcome: 'passed over', because }, { stage: 'default' }],
    });
  });

  test('is not looked at when the config does not speak of it', () => {
    expect(decideFor({ namespace: 'build-1', annotations: { [ANNOTATION.key]: 'docker' } })).toMatchObject({
      rule: 'default',
      trace: [{ stage: 'default' }],
    });
  });

  test('is refused when no backend has that name', () => {
    expect(choosing('podman')).toMatchObject({
      kind: 'refused',
      rule: 'annotation',
      reason: 'its annotation example.com/backend names "podman", and no backend has that name',
      hint: 'The backends are: containerd, docker, gvisor, kata',
    });
  });

  test('is refused when it would weaken the isolation of the handler', () => {
    expect(choosing('docker', { handler: 'kata' })).toMatchObject({
      kind: 'refused',
      rule: 'annotation',
      reason:
        'its annotation example.com/backend asks for backend docker (isolation shared), but its runtime handler "kata" stands for backend kata (isolation vm)',
      hint: 'Leave out the annotation',
    });
  });

  test('is refused when that backend does not expose the handler of the pod', () => {
    expect(choosing('kata', { handler: 'runc' })).toMatchObject({
      kind: 'refused',
      reason:
        'its annotation example.com/backend asks for backend kata, which does not expose its runtime handler "runc"',
      hint: 'Leave out the annotation or the runtime handler',
    });
  });

  test('may name the backend that the handler leads to anyway', () => {
    expect(choosing('kata', { handler: 'kata' })).toMatchObject({ backend: 'kata', handler: 'kata-qemu' });
  });
});
