import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { ContainerStarts } from '../../../src/ledger/container-starts.ts';

const main = { name: 'main' } as Backend;
const side = { name: 'side' } as Backend;

const asked = (user: string, image = 'app') => ({ sandboxId: 'sandbox', container: 'app', image, user });

describe('ContainerStarts', () => {
  it('knows by what an image was found for a pod, by its name and by each of its references', () => {
    const starts = new ContainerStarts(0);
    starts.noteFound('pod', 'app', { backend: side, user: undefined }, 'app@sha256:1');
    starts.noteFound('pod', 'app:latest', { backend: side, user: '7' }, 'sha256:2');
    const start = { backend: side, user: '7', references: ['app@sha256:1', 'sha256:2'] };
    expect(starts.startOf('pod', 'app', 'any')).toMatchObject(start);
    expect(starts.startOf('pod', '', 'app@sha256:1')).toMatchObject(start);
    expect(starts.startOf('pod', '', 'sha256:2')).toMatchObject(start);
    expect(starts.startOf('another', 'app', 'sha256:2')).toBeUndefined();
  });

  it('takes nothing of another backend for the same start', () => {
    const starts = new ContainerStarts(0);
    starts.noteFound('pod', 'app', { backend: main, user: '1' }, 'of main');
    starts.noteFound('pod', 'app', { backend: side, user: '2' }, 'of side');
    expect(starts.startOf('pod', 'app', '')?.references).toEqual(['of side']);
  });

  it('names who gave a user since the start of a container, and nobody for what was given before', () => {
    const starts = new ContainerStarts(0);
    starts.noteAnswer('app', main, '0', 1);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    const start = starts.startOf('pod', 'app', 'id');
    expect(starts.giverOf(asked('0', 'app'), side, start, 1)).toBeUndefined();
    starts.noteAnswer('app', main, '0', 1);
    starts.noteAnswer('app', side, '7', 1);
    expect(starts.giverOf(asked('0', 'app:latest'), side, start, 1)).toEqual({ name: 'main' });
    expect(starts.giverOf(asked('7', 'app'), side, start, 1)).toBeUndefined();
    expect(starts.giverOf(asked('5', 'app'), side, start, 1)).toBeUndefined();
  });

  it('counts every answer of the last minute where no start is known', () => {
    const starts = new ContainerStarts(0);
    starts.noteAnswer('app', main, '0', 1);
    expect(starts.giverOf(asked('0', 'app'), side, undefined, 60_000)).toEqual({ name: 'main' });
    expect(starts.giverOf(asked('0', 'app'), side, undefined, 60_001)).toBeUndefined();
    starts.noteAnswer('app', side, '7', 2);
    expect(starts.giverOf(asked('0', 'app'), side, undefined, 3)).toEqual({ name: 'main' });
  });

  it('counts what a backend answered when its image had another user', () => {
    const starts = new ContainerStarts(0);
    starts.noteAnswer('app', main, '0', 1);
    starts.noteAnswer('app', main, '5', 2);
    expect(starts.giverOf(asked('0', 'app'), side, undefined, 3)).toEqual({ name: 'main' });
  });

  it('knows who gave a user since a known start, but not what was answered before the process began', () => {
    const starts = new ContainerStarts(1_000);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    const start = starts.startOf('pod', 'app', 'id');
    expect(starts.knowsGivers(asked('0'), start, 1_001)).toBe(true);
    expect(starts.knowsGivers(asked('0'), undefined, 60_999)).toBe(false);
    expect(starts.knowsGivers(asked('0'), undefined, 61_000)).toBe(true);
    starts.noteRefusal(asked('0'));
    expect(starts.knowsGivers(asked('0'), undefined, 1_001)).toBe(true);
  });

  it.each([
    ['many images', (at: number) => [`app:${at}`, '0'] as const],
    ['many users of one', (at: number) => ['app', `${at}`] as const],
  ])('knows that it had to forget answers: %s', (_, answerOf) => {
    const starts = new ContainerStarts(0);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    for (let at = 0; at <= 1_000; at++) starts.noteAnswer(answerOf(at)[0], main, answerOf(at)[1], 70_000);
    expect(starts.knowsGivers(asked('0'), starts.startOf('pod', 'app', 'id'), 70_001)).toBe(false);
    expect(starts.knowsGivers(asked('0'), undefined, 70_001)).toBe(false);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    expect(starts.knowsGivers(asked('0'), starts.startOf('pod', 'app', 'id'), 70_001)).toBe(true);
  });

  it('counts "no such image", which is root to a kubelet, as nobody’s answer', () => {
    const starts = new ContainerStarts(0);
    starts.noteAnswer('app', undefined, '0', 1);
    expect(starts.giverOf(asked('0', 'app'), side, undefined, 2)).toEqual({ name: undefined });
  });

  it('forgets a start with its end', () => {
    const starts = new ContainerStarts(0);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    const start = starts.startOf('pod', 'app', 'id');
    if (start !== undefined) starts.end('pod', start);
    expect([starts.startOf('pod', 'app', 'id'), starts.startOf('pod', '', 'id')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('knows nothing of pods without annotations, which it could not tell apart', () => {
    const starts = new ContainerStarts(0);
    starts.noteFound('', 'app', { backend: side, user: '7' }, 'id');
    expect(starts.startOf('', 'app', 'id')).toBeUndefined();
  });

  it('counts after a refusal only what was answered since, so that a pod that asks for the user itself is not refused for ever', () => {
    const starts = new ContainerStarts(0);
    starts.noteAnswer('app', main, '0', 1);
    expect(starts.giverOf(asked('0'), side, undefined, 2)).toEqual({ name: 'main' });
    starts.noteRefusal(asked('0'));
    expect(starts.giverOf(asked('0'), side, undefined, 3)).toBeUndefined();
    starts.noteAnswer('app', main, '0', 4);
    expect(starts.giverOf(asked('0'), side, undefined, 5)).toEqual({ name: 'main' });
  });

  it('never takes a foreign user for the pod’s own, however often it was refused', () => {
    const starts = new ContainerStarts(0);
    for (let refusals = 0; refusals < 20; refusals++) {
      starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
      starts.noteAnswer('app', main, '0', 1);
      starts.noteAnswer('app', side, '7', 1);
      expect(starts.giverOf(asked('0'), side, starts.startOf('pod', 'app', 'id'), 1)).toEqual({
        name: 'main',
      });
      starts.noteRefusal(asked('0'));
    }
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    expect(starts.giverOf(asked('0'), side, starts.startOf('pod', 'app', 'id'), 1)).toBeUndefined();
  });

  it('knows that an image was pulled for a pod until that looks it up or creates its container', () => {
    const starts = new ContainerStarts(0);
    starts.notePulled('pod', 'app', side, 'id');
    expect([starts.isPulled('pod', 'app:latest'), starts.isPulled('another', 'app')]).toEqual([true, false]);
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, 'id');
    expect(starts.isPulled('pod', 'app')).toBe(false);
    starts.notePulled('pod', 'app', side, 'id');
    const start = starts.startOf('pod', 'app', 'id');
    if (start !== undefined) starts.end('pod', start);
    expect(starts.isPulled('pod', 'app')).toBe(false);
  });

  it('notes nothing that is longer than any image name, id, or user', () => {
    const starts = new ContainerStarts(0);
    const long = 'x'.repeat(1_001);
    starts.noteAnswer(long, main, '0', 1);
    starts.noteAnswer('app', main, long, 1);
    starts.noteFound('pod', long, { backend: side, user: '7' }, 'id');
    starts.noteFound('pod', 'app', { backend: side, user: '7' }, long);
    expect(starts.giverOf(asked('0', long), side, undefined, 1)).toBeUndefined();
    expect(starts.giverOf(asked(long), side, undefined, 1)).toBeUndefined();
    expect([starts.startOf('pod', long, 'id'), starts.startOf('pod', 'app', '')]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
