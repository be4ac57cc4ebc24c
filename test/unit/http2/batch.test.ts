import { expect, it } from 'vitest';
import { beginBatch, doBehindFlush, endBatch, flushLater } from '../../../src/http2/batch.ts';

function recorder() {
  const done: string[] = [];
  const output = (name: string) => ({ flush: () => void done.push(`flush ${name}`) });
  const task = (name: string, more?: () => void) => ({
    behindFlush: () => {
      done.push(name);
      more?.();
    },
  });
  return { done, output, task };
}

it('does what nobody waits for when every connection of the batch is flushed, once and in order', () => {
  const { done, output, task } = recorder();
  beginBatch();
  doBehindFlush(task('one'));
  flushLater(output('a'));
  beginBatch();
  const nested = () => {
    beginBatch();
    doBehindFlush(task('four'));
    flushLater(output('c'));
    endBatch();
  };
  doBehindFlush(task('two', nested));
  doBehindFlush(task('three'));
  endBatch(); // an inner one: nothing leaves yet
  flushLater(output('b'));
  expect(done).toEqual([]);
  endBatch();
  expect(done).toEqual(['flush a', 'flush b', 'one', 'two', 'flush c', 'three', 'four']);
  beginBatch();
  endBatch();
  expect(done.length).toBe(7);
});

it('does it at once when there is no batch', () => {
  const { done, task } = recorder();
  doBehindFlush(task('now'));
  expect(done).toEqual(['now']);
});
