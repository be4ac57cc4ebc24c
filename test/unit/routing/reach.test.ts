import { describe, expect, it } from 'vitest';
import { reachableHandlers } from '../../../src/routing/reach.ts';
import { aConfig, type ConfigTraits } from '../../support/a-config.ts';

const BACKENDS = [
  { name: 'old', endpoint: '/run/a.sock', default: true, handlers: { '': '', runc: 'runc' } },
  { name: 'new', endpoint: '/run/b.sock', handlers: { fast: 'crun' } },
  { name: 'kata', endpoint: '/run/c.sock', isolation: 'vm', handlers: { kata: 'kata-qemu' } },
] satisfies ConfigTraits['backends'];

/** Handler to its places, as `backend:handler`. */
function reach(traits: ConfigTraits): Record<string, string[]> {
  const handlers = reachableHandlers(aConfig({ backends: BACKENDS, ...traits }));
  return Object.fromEntries(
    handlers.map(({ name, places }) => [name, places.map(({ backend, handler }) => `${backend}:${handler}`)]),
  );
}

describe('where pods with a runtime handler may land', () => {
  it('on the backend that exposes it, by the name that backend knows', () => {
    expect(reach({})).toEqual({
      '': ['old:'],
      runc: ['old:runc'],
      fast: ['new:crun'],
      kata: ['kata:kata-qemu'],
    });
  });

  it('for pods without one also on every backend that the annotation can name', () => {
    const annotation = { namespaces: ['build-*'] };
    expect(reach({ annotation })).toMatchObject({ '': ['old:', 'new:', 'kata:'], fast: ['new:crun'] });
    expect(reach({ annotation: { namespaces: [] } })).toMatchObject({ '': ['old:'] });
  });

  it('where rules, splits and fallbacks may send it, with the handler that the rule says', () => {
    const some = { handler: '', namespaces: ['ci-*'] };
    const split = [
      { backend: 'old', weight: 1 },
      { backend: 'new', weight: 1 },
      { backend: 'kata', weight: 0 },
    ];
    const rules = [
      { name: 'split', match: some, split },
      { name: 'said', match: some, backend: 'new', handler: 'crun' },
      { name: 'fallback', match: some, backend: 'new', fallback: 'old', handler: 'special' },
    ];
    expect(reach({ rules })).toMatchObject({
      '': ['old:', 'new:', 'new:crun', 'new:special', 'old:special'],
    });
  });

  it('nowhere behind a rule that takes all such pods', () => {
    const rules = [
      { name: 'all', match: { handler: '' }, backend: 'new' },
      { name: 'late', match: { handler: '', namespaces: ['x'] }, backend: 'kata', handler: 'kata-qemu' },
    ];
    expect(reach({ rules })).toMatchObject({ '': ['new:'] });
  });

  it('not where they would be refused: on a backend that does not know it, or on one that is less isolated', () => {
    const rules = [{ name: 'team', match: { namespaces: ['team'] }, backend: 'new' }];
    expect(reach({ rules })).toMatchObject({
      '': ['new:', 'old:'],
      runc: ['old:runc'],
      kata: ['kata:kata-qemu'],
    });
  });

  it('also for a handler that only a rule names', () => {
    const rules = [
      { name: 'gvisor', match: { handler: 'gvisor' }, backend: 'new', handler: 'runsc' },
      { name: 'lost', match: { handler: 'runc-*' }, backend: 'new', handler: 'crun' },
    ];
    expect(reach({ rules })).toMatchObject({ gvisor: ['new:runsc'] });
  });
});
