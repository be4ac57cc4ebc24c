import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { hasLost } from '../../../src/ledger/lost-containers.ts';
import { codecOf } from '../../support/cri-codec.ts';

const ID = 'a1'.repeat(32);
const RUNNING = 1;
const EXITED = 2;
const BROKEN = encodeField(3, Buffer.from([0x0a, 0x7f, 0x41]));

interface Listed {
  readonly sandbox?: string;
  readonly name?: string;
  readonly attempt?: number;
  readonly state: number;
  readonly image?: string;
  readonly word?: string;
}

/** A backend with these containers on its last list, and one image. */
function listing(...containers: readonly Listed[]): Backend {
  const lists = {
    ListContainers: codecOf('ListContainers').encodeResponse({
      containers: containers.map(
        ({ sandbox = 'sandbox', name = 'app', attempt = 0, state, image = ID, word = '' }) => ({
          podSandboxId: sandbox,
          metadata: { name, attempt },
          state,
          image: { image, userSpecifiedImage: word },
        }),
      ),
    }),
    ListImages: codecOf('ListImages').encodeResponse({
      images: [{ id: `sha256:${ID}`, repoTags: ['registry.test/app:latest'] }],
    }),
  };
  return { snapshot: { answer: (list: keyof typeof lists) => lists[list] } } as unknown as Backend;
}

const isLost = (...containers: readonly Listed[]) =>
  hasLost(listing(...containers), new Set(['sandbox']), 'registry.test/app');

describe('a pod has lost its container of an image', () => {
  it('when the newest one of a name has ended', () => {
    expect(isLost({ state: EXITED })).toBe(true);
    expect(isLost({ state: RUNNING })).toBe(false);
    expect(isLost({ state: RUNNING }, { name: 'init', state: EXITED })).toBe(true);
  });

  it('unless another attempt has taken its place, in whatever order they are listed', () => {
    expect(isLost({ state: EXITED }, { attempt: 1, state: RUNNING })).toBe(false);
    expect(isLost({ attempt: 1, state: RUNNING }, { state: EXITED })).toBe(false);
    expect(isLost({ attempt: 2, state: EXITED }, { attempt: 1, state: RUNNING })).toBe(true);
  });

  it('by whatever the runtime calls the image: its id with or without sha256, or the name', () => {
    expect(isLost({ state: EXITED, image: `sha256:${ID}` })).toBe(true);
    expect(isLost({ state: EXITED, image: 'registry.test/app' })).toBe(true);
    expect(isLost({ state: EXITED, image: 'unknown', word: 'registry.test/app:latest' })).toBe(true);
    expect(isLost({ state: EXITED, image: 'b2'.repeat(32) })).toBe(false);
  });

  it('past a record that cannot be read', () => {
    const { snapshot } = listing({ state: EXITED });
    // A container of the same pod whose metadata is longer than itself.
    const body = Buffer.concat([
      encodeField(2, Buffer.from('sandbox')),
      encodeField(5, Buffer.from(ID)),
      BROKEN,
    ]);
    const answer = (list: 'ListContainers' | 'ListImages') => {
      const listed = snapshot.answer(list, Buffer.alloc(0)) ?? Buffer.alloc(0);
      return list === 'ListImages' ? listed : Buffer.concat([encodeField(1, body), listed]);
    };
    const backend = { snapshot: { answer } } as unknown as Backend;
    expect(hasLost(backend, new Set(['sandbox']), 'registry.test/app')).toBe(true);
  });

  it('and no other pod, and not where nothing is listed', () => {
    expect(isLost({ sandbox: 'another', state: EXITED })).toBe(false);
    const unlisted = { snapshot: { answer: () => undefined } } as unknown as Backend;
    expect(hasLost(unlisted, new Set(['sandbox']), 'registry.test/app')).toBe(false);
  });
});
