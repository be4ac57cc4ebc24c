import { expect, it } from 'vitest';
import { ListSizes } from '../../../src/proxy/list-sizes.ts';

it('a list is expected to be the longest that there may be, then as long as the last, falling slowly', () => {
  const sizes = new ListSizes();
  expect(sizes.expected('ListContainers')).toBe(16 * 1024 * 1024);
  sizes.saw('ListContainers', 640);
  expect(sizes.expected('ListContainers')).toBe(640);
  sizes.saw('ListContainers', 10);
  expect(sizes.expected('ListContainers')).toBe(630);
  sizes.saw('ListContainers', 1000);
  expect(sizes.expected('ListContainers')).toBe(1000);
  for (let i = 0; i < 1000; i++) sizes.saw('ListContainers', 10);
  expect(sizes.expected('ListContainers')).toBe(10);
  expect(sizes.expected('ListImages')).toBe(16 * 1024 * 1024);
});
