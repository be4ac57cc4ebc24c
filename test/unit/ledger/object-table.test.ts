import { expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { ObjectTable } from '../../../src/ledger/object-table.ts';

it('gives the numbers of what a list lacked again in rising order, as lists are looked up in', () => {
  const red = { name: 'red' } as Backend;
  const table = new ObjectTable();
  const add = (name: string) => table.add(name, red, '', 1);
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name);
  for (const kept of ['a', 'c']) table.show(table.ids.find(kept), red, 2);
  for (const number of table.missingFrom(2, red)) table.remove(number);
  expect(['f', 'g', 'h', 'i'].map(add)).toEqual([1, 3, 4, 5]);
});
