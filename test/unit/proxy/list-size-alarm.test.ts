import { describe, expect, it } from 'vitest';
import { type ListMethod, methodNamed } from '../../../src/cri/methods.ts';
import { ListSizeAlarm } from '../../../src/proxy/list-size-alarm.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';

describe('a list that grows', () => {
  it('is told of at half the limit and twice more on its way, and again after it had shrunk', () => {
    const lines: LogLine[] = [];
    const alarm = new ListSizeAlarm(recorder(lines));
    const list = methodNamed('ListContainers') as ListMethod;
    const told = (...sizes: readonly number[]) => {
      for (const size of sizes) alarm.see(list, size, 100);
      return lines.splice(0).map(({ fields }) => fields['sizeBytes']);
    };
    expect(told(10, 49)).toEqual([]);
    expect(told(50, 51, 60, 51)).toEqual([50]);
    expect(told(80, 89, 76)).toEqual([80]);
    expect(told(120, 120)).toEqual([120]);
    expect(told(40, 60)).toEqual([]);
    expect(told(20, 95)).toEqual([95]);
    alarm.see(methodNamed('ListPodSandbox') as ListMethod, 50, 100);
    expect(lines[0]?.fields['hint']).toContain('StreamPodSandboxes');
  });
});
