import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { CHECKPOINT_LIMIT, Checkpoints } from '../../../src/ledger/checkpoints.ts';

const RED = { name: 'red' } as Backend;
const BLUE = { name: 'blue' } as Backend;

describe('checkpoints', () => {
  it('are those of the backend that wrote them last', () => {
    const checkpoints = new Checkpoints();
    checkpoints.add('/var/lib/kubelet/checkpoints/a', RED);
    checkpoints.add('/var/lib/kubelet/checkpoints/b', BLUE);
    expect(checkpoints.writerOf('/var/lib/kubelet/checkpoints/a')).toBe(RED);
    checkpoints.add('/var/lib/kubelet/checkpoints/a', BLUE);
    expect(checkpoints.writerOf('/var/lib/kubelet/checkpoints/a')).toBe(BLUE);
    expect(checkpoints.writerOf('/var/lib/kubelet/checkpoints/c')).toBeUndefined();
  });

  it.each(['/a/b', '/a/b/', '/a/b//', '/a//b', '/a/./b', '/a/c/../b', '/../a/b', '//a/b/.'])(
    'at /a/b are found at %s too',
    (path) => {
      const checkpoints = new Checkpoints();
      checkpoints.add('/a/b', RED);
      expect(checkpoints.writerOf(path)).toBe(RED);
      const written = new Checkpoints();
      written.add(path, RED);
      expect([...written]).toEqual([['/a/b', 'red']]);
    },
  );

  it('keep a path without a root apart from one with it', () => {
    const checkpoints = new Checkpoints();
    checkpoints.add('a/b', RED);
    expect(checkpoints.writerOf('./a/b/')).toBe(RED);
    expect(checkpoints.writerOf('/a/b')).toBeUndefined();
  });

  it('are none without a path, or with one that is longer than any', () => {
    const checkpoints = new Checkpoints();
    const long = `/${'a'.repeat(4_096)}`;
    for (const path of ['', long]) {
      checkpoints.add(path, RED);
      expect(checkpoints.writerOf(path)).toBeUndefined();
    }
    expect([...checkpoints]).toEqual([]);
  });

  it('are forgotten when there are too many, first the one that was not used for longest', () => {
    const checkpoints = new Checkpoints();
    for (let i = 0; i < CHECKPOINT_LIMIT; i++) checkpoints.add(`/${i}`, RED);
    checkpoints.writerOf('/0');
    checkpoints.add('/new', BLUE);
    expect(checkpoints.writerOf('/0')).toBe(RED);
    expect(checkpoints.writerOf('/1')).toBeUndefined();
    expect([...checkpoints]).toHaveLength(CHECKPOINT_LIMIT);
  });

  it('are told once for each that is new or has another writer', () => {
    const checkpoints = new Checkpoints();
    const told: string[] = [];
    checkpoints.watch({ checkpointed: (path, backend) => told.push(`${path} ${backend}`) });
    checkpoints.add('/a/', RED);
    checkpoints.add('/a', RED);
    checkpoints.add('/a', BLUE);
    expect(told).toEqual(['/a red', '/a blue']);
  });
});
