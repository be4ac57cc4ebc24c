import { describe, expect, it } from 'vitest';
import type { BackendRegistry } from '../../../src/backends/registry.ts';
import type { Call } from '../../../src/proxy/call.ts';
import { reportState } from '../../../src/proxy/state-report.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';

/** The fields that are written of these calls. */
function linesOf(calls: readonly Partial<Call>[]): LogLine['fields'][] {
  const lines: LogLine[] = [];
  const clock = new FakeClock();
  const began = calls.map((call) => ({ backendName: 'none', startedAtMs: clock.now(), ...call }) as Call);
  clock.advance(1_500);
  const registry = { all: [] } as unknown as BackendRegistry;
  reportState(recorder(lines), { registry, calls: began, clock, readiness: () => ({}) });
  return lines.filter(({ text }) => text === 'call in flight').map(({ fields }) => fields);
}

describe('the report of a call in flight', () => {
  it('names what the line of the call will: pod, id, image, and all backends', () => {
    const pod = { namespace: 'default', name: 'web', uid: 'u-1' };
    expect(
      linesOf([
        { rpc: 'RunPodSandbox', backendName: 'one', pod },
        { rpc: 'StopContainer', backendName: 'two', objectId: 'c-1' },
        { rpc: 'RemoveImage', backendName: 'several', backendNames: ['one', 'two'], image: 'app:2' },
      ]),
    ).toEqual([
      { method: 'RunPodSandbox', backend: 'one', ageMs: 1_500, pod },
      { method: 'StopContainer', backend: 'two', ageMs: 1_500, id: 'c-1' },
      {
        ...{ method: 'RemoveImage', backend: 'several', backends: ['one', 'two'], ageMs: 1_500 },
        image: 'app:2',
      },
    ]);
  });

  it('cuts what clients may make long, as the line does', () => {
    const long = 'n'.repeat(1_500);
    const pod = { namespace: long, name: long, uid: long };
    const [fields] = linesOf([{ rpc: 'PullImage', pod, objectId: long, image: long }]);
    const cut = (bytes: number) => `${'n'.repeat(bytes - 16)}... (1500 bytes)`;
    const name = cut(256);
    expect(fields).toMatchObject({ pod: { namespace: name, name, uid: name }, id: name, image: cut(512) });
  });
});
