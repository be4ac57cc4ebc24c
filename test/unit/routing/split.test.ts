import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SplitShare } from '../../../src/config/config.ts';
import { chooseShare } from '../../../src/routing/split.ts';

const PODS = Array.from(
  { length: 4_000 },
  (_, i) => `6f9c1d52-7a44-4d1b-9a53-${i.toString(16).padStart(12, '0')}`,
);

function count(shares: readonly SplitShare[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const pod of PODS) {
    const backend = chooseShare(shares, pod);
    counts.set(backend, (counts.get(backend) ?? 0) + 1);
  }
  return counts;
}

test.each([
  [
    [
      { backend: 'containerd', weight: 95 },
      { backend: 'containerd-2', weight: 5 },
    ],
  ],
  [
    [
      { backend: 'a', weight: 1 },
      { backend: 'b', weight: 1 },
    ],
  ],
  [
    [
      { backend: 'a', weight: 0.2 },
      { backend: 'b', weight: 0.3 },
      { backend: 'c', weight: 0.5 },
    ],
  ],
  [
    [
      { backend: 'a', weight: 1 },
      { backend: 'b', weight: 0 },
    ],
  ],
])('divides pods by weight: %j', (shares) => {
  const counts = count(shares);
  const sum = shares.reduce((all, { weight }) => all + weight, 0);
  for (const { backend, weight } of shares) {
    const expected = (PODS.length * weight) / sum;
    // Five standard deviations of a fair draw.
    const tolerance = 5 * Math.sqrt(expected * (1 - weight / sum));
    expect(Math.abs((counts.get(backend) ?? 0) - expected)).toBeLessThanOrEqual(tolerance);
  }
});

const aName = fc.constantFrom('a', 'b', 'c', 'containerd', 'containerd-2', 'docker');
const someShares = fc
  .uniqueArray(fc.record({ backend: aName, weight: fc.integer({ min: 0, max: 100 }) }), {
    selector: ({ backend }) => backend,
    minLength: 1,
  })
  .filter((shares) => shares.some(({ weight }) => weight > 0));

test('places a pod the same way, whatever the order of the shares', () => {
  fc.assert(
    fc.property(someShares, fc.uuid(), (shares, pod) => {
      expect(chooseShare(shares.toReversed(), pod)).toBe(chooseShare(shares, pod));
    }),
  );
});

test('never chooses a backend of weight 0', () => {
  fc.assert(
    fc.property(someShares, fc.uuid(), (shares, pod) => {
      const chosen = shares.find(({ backend }) => backend === chooseShare(shares, pod));
      expect(chosen?.weight).toBeGreaterThan(0);
    }),
  );
});

test('moves pods only to a backend whose weight grows', () => {
  fc.assert(
    fc.property(someShares, fc.nat(), fc.integer({ min: 1, max: 50 }), fc.uuid(), (shares, at, more, pod) => {
      const grown = shares[at % shares.length]?.backend ?? '';
      const after = shares.map((share) =>
        share.backend === grown ? { ...share, weight: share.weight + more } : share,
      );
      expect([chooseShare(shares, pod), grown]).toContain(chooseShare(after, pod));
    }),
    { numRuns: 500 },
  );
});

test('moves only the pods of a backend that is taken out', () => {
  fc.assert(
    fc.property(someShares, fc.uuid(), (shares, pod) => {
      const before = chooseShare(shares, pod);
      const rest = shares.filter(({ backend, weight }) => weight > 0 && backend !== before);
      for (const { backend } of rest) {
        const after = chooseShare(
          shares.filter((share) => share.backend !== backend),
          pod,
        );
        expect(after).toBe(before);
      }
    }),
  );
});
