import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { ImageMemory } from '../../../src/ledger/image-memory.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const main = { name: 'main' } as Backend;
const side = { name: 'side' } as Backend;
const SEEN = 'kubernetes.io/config.seen';
const map = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe('ImageMemory', () => {
  it('knows a pod by its annotations, in whatever order they come', () => {
    const memory = new ImageMemory(new FakeClock());
    memory.rememberPod(map({ a: '1', b: '2' }), side);
    expect(memory.backendOfPod(map({ b: '2', a: '1' }))).toBe(side);
    expect(memory.backendOfPod(map({ b: '2', a: '2' }))).toBeUndefined();
    expect(memory.backendOfPod(map({ a: '1,b:2' }))).toBeUndefined();
  });

  it('knows a pod whose annotations were edited by the moment the kubelet saw it first', () => {
    const memory = new ImageMemory(new FakeClock());
    memory.rememberPod(map({ [SEEN]: 'then', a: '1' }), side);
    memory.rememberPod(map({ [SEEN]: 'now', a: '1' }), main);
    expect(memory.backendOfPod(map({ [SEEN]: 'then', a: 'edited' }))).toBe(side);
    expect(memory.backendOfPod(map({ a: 'edited' }))).toBeUndefined();
  });

  it('takes a name without a tag for the one with latest, and keeps others apart', () => {
    const memory = new ImageMemory(new FakeClock());
    memory.rememberImage('localhost:5000/x:latest', side, 1, '7');
    memory.rememberImage('localhost:5000/x:1', main, 2, '7');
    expect(memory.sightingOf('localhost:5000/x')).toMatchObject({ backend: side, atMs: 1 });
  });

  it('tells who has another user for a name, until images were removed there', () => {
    const memory = new ImageMemory(new FakeClock());
    memory.rememberImage('app', side, 1, '7');
    memory.rememberImage('app', main, 2, '0');
    expect(memory.othersThan('app', '0')).toEqual([side]);
    memory.forgetUsers(side);
    expect(memory.othersThan('app', '0')).toEqual([]);
    expect(memory.sightingOf('app')?.backend).toBe(main);
  });

  it('keeps no name of an image, and no moment, that is longer than any', () => {
    const memory = new ImageMemory(new FakeClock());
    const long = 'x'.repeat(1_001);
    memory.rememberImage(long, side, 1, '7');
    memory.noteUser(long, side, '8');
    expect([memory.sightingOf(long), memory.userOf(long, side), memory.othersThan(long, '0')]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect([memory.isNews(long), memory.isNews('app'), memory.isNews('app:latest')]).toEqual([
      false,
      true,
      false,
    ]);
    memory.rememberPod(map({ [SEEN]: long, a: '1' }), side);
    expect(memory.backendOfPod(map({ [SEEN]: long, a: 'edited' }))).toBeUndefined();
    expect(inspect(memory, { depth: null, maxStringLength: null })).not.toContain(long);
  });

  it('holds no value of an annotation, which may be a secret', () => {
    const memory = new ImageMemory(new FakeClock());
    memory.rememberPod(map({ token: 'tell-nobody', [SEEN]: 'then' }), side);
    expect(inspect(memory, { depth: null, showHidden: true })).not.toContain('tell-nobody');
  });
});
