import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { hasLost } from '../../../src/ledger/lost-containers.ts';
import { codecOf } from '../../support/cri-codec.ts';

const ID = 'a1'.repeat(32);
const RUNNING = 1;
const EXITED = 2;

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

  it('and not by a list that cannot be read', () => {
    const broken = Buffer.concat([Buffer.from([0x0a, 2 + 9 + 3, 0x12, 7]), Buffer.from('sandbox')]);
    const metadata = Buffer.from([0x1a, 3, 0x0a, 0x7f, 0x41]);
    const lists = { ListContainers: Buffer.concat([broken, metadata, Buffer.from([0x30, EXITED])]) };
    lists.ListContainers[1] = lists.ListContainers.length - 2;
    const backend = {
      snapshot: { answer: (list: string) => (list === 'ListContainers' ? lists.ListContainers : undefined) },
    } as unknown as Backend;
    expect(hasLost(backend, new Set(['sandbox']), '')).toBe(false);
  });

  it('and no other pod, and not where nothing is listed', () => {
    expect(isLost({ sandbox: 'another', state: EXITED })).toBe(false);
    const unlisted = { snapshot: { answer: () => undefined } } as unknown as Backend;
    expect(hasLost(unlisted, new Set(['sandbox']), 'registry.test/app')).toBe(false);
  });
});
