import { describe, expect, it } from 'vitest';
import { candidatesOf } from '../../../src/routing/candidates.ts';
import { aConfig, type ConfigTraits } from '../../support/a-config.ts';

const backends = [
  { name: 'main', endpoint: 'unix:///run/main.sock', default: true, handlers: { runc: 'runc' } },
  { name: 'side', endpoint: 'unix:///run/side.sock', handlers: { side: '' } },
  { name: 'third', endpoint: 'unix:///run/third.sock', handlers: {} },
];
type Rules = NonNullable<ConfigTraits['rules']>;

function candidates(
  traits: ConfigTraits,
  annotations: Readonly<Record<string, string>>,
  handler = '',
): string[] {
  return [...candidatesOf(aConfig({ backends, ...traits }), new Map(Object.entries(annotations)), handler)];
}

const byAnnotation: Rules = [{ name: 'a', match: { annotations: { needs: 'side' } }, backend: 'side' }];

describe('candidatesOf', () => {
  it('is one backend where a rule on annotations alone matches, whatever else the pod is', () => {
    expect(candidates({ rules: byAnnotation }, { needs: 'side' })).toEqual(['side']);
  });

  it('is every backend that a handler could lead to, for the kubelet does not send that', () => {
    expect(candidates({ rules: byAnnotation }, { needs: 'nothing' })).toEqual(['main', 'side']);
  });

  it('is one backend when the handler is sent', () => {
    expect(candidates({ rules: byAnnotation }, { needs: 'nothing' }, 'side')).toEqual(['side']);
  });

  it.each([
    [{ labels: { app: 'x' } }],
    [{ namespaces: ['ci-*'] }],
    [{ names: ['web-*'] }],
    [{ privileged: true }],
    [{ hostNetwork: true }],
    [{ handler: '' }],
  ])('follows both ways of a rule that asks for %j', (match) => {
    const rules: Rules = [
      { name: 'maybe', match, backend: 'third' },
      { name: 'sure', match: { annotations: { needs: 'side' } }, backend: 'side' },
    ];
    expect(candidates({ rules }, { needs: 'side' })).toEqual(['third', 'side']);
  });

  it('passes over a rule of which one condition surely does not hold', () => {
    const rules: Rules = [
      { name: 'no', match: { labels: { app: 'x' }, annotations: { needs: 'third' } }, backend: 'third' },
      ...byAnnotation,
    ];
    expect(candidates({ rules }, { needs: 'side' })).toEqual(['side']);
  });

  it('counts all shares of a split that get pods, and a fallback', () => {
    const match = { annotations: { needs: 'side' } };
    const split = [
      { backend: 'main', weight: 0 },
      { backend: 'side', weight: 1 },
      { backend: 'third', weight: 1 },
    ];
    expect(candidates({ rules: [{ name: 's', match, split }] }, { needs: 'side' })).toEqual([
      'side',
      'third',
    ]);
    const rules: Rules = [{ name: 'f', match, backend: 'side', fallback: 'main' }];
    expect(candidates({ rules }, { needs: 'side' })).toEqual(['side', 'main']);
  });

  it('believes the annotation that chooses a backend only where every namespace may use it', () => {
    const key = 'switchyard.dev/backend';
    const annotation = (namespaces: string[]) => ({ annotation: { key, namespaces } });
    expect(candidates(annotation(['*']), { [key]: 'third' })).toEqual(['third']);
    expect(candidates(annotation(['ci-*']), { [key]: 'third' })).toEqual(['third', 'main', 'side']);
    expect(candidates(annotation([]), { [key]: 'third' })).toEqual(['main', 'side']);
  });
});
