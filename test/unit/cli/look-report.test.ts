import { describe, expect, it } from 'vitest';
import type { PodOutcome, SessionReport } from '../../../src/cli/kubelet-session.ts';
import { formatLook, formatSession } from '../../../src/cli/look-report.ts';
import { configForEmbedded, embeddedBackends } from '../../../src/cli/made-config.ts';
import { SESSION_PODS } from '../../../src/cli/session-pods.ts';
import { plain } from '../../../src/cli/table.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { decide } from '../../../src/routing/decide.ts';
import { explain } from '../../../src/routing/explain.ts';

const loaded = loadConfig(
  configForEmbedded(embeddedBackends('/tmp/x'), { dir: '/tmp/x', adminAddress: '127.0.0.1:0' }),
  'made',
);
if (!('config' in loaded)) throw new Error('the embedded config is refused');
const { config } = loaded;

/** The outcome of the session's pod of that name, as if it had been found on `foundOn`. */
function outcome(name: string, foundOn: readonly string[], failure?: string): PodOutcome {
  const pod = SESSION_PODS.find((one) => one.name === name);
  if (pod === undefined) throw new Error(`the session has no pod ${name}`);
  const attributes = {
    ...pod,
    labels: new Map<string, string>(),
    privileged: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
  };
  const isExpected = pod.expected === undefined ? foundOn.length === 0 : foundOn.join() === pod.expected;
  return {
    pod,
    explanation: explain(config, attributes, decide(config, attributes)),
    foundOn,
    failure,
    isExpected,
  };
}

const report = (outcomes: readonly PodOutcome[], holds = true): SessionReport => ({
  outcomes,
  findings: [{ text: 'lists agree', holds }],
});

describe('the table of the session', () => {
  it('says that all is well when it is', () => {
    const text = formatSession(report([outcome('web', ['containerd']), outcome('typo', [])]), config, plain);
    expect(text).toContain('ok   lists agree\n');
    expect(text.endsWith('\nAll as expected.\n')).toBe(true);
  });

  it('marks a pod that is on another backend than it should be', () => {
    const text = formatSession(report([outcome('web', ['docker'])]), config, plain);
    expect(text).toMatch(/^default\/web +nothing +docker \(WRONG\) /m);
    expect(text).toContain('NOT all as expected.');
  });

  it('marks a pod that is on two backends', () => {
    expect(formatSession(report([outcome('web', ['containerd', 'docker'])]), config, plain)).toContain(
      'containerd, docker (WRONG)',
    );
  });

  it('gives the words of the failure when a pod does not run that should', () => {
    const text = formatSession(report([outcome('web', [], 'the runtime said no')]), config, plain);
    expect(text).toMatch(/refused \(WRONG\).*the runtime said no/);
  });

  it('marks a finding that does not hold', () => {
    const text = formatSession(report([outcome('web', ['containerd'])], false), config, plain);
    expect(text).toContain('FAIL lists agree\n');
    expect(text).toContain('NOT all as expected.');
  });
});

describe('the table of backends', () => {
  it('names the default, and why a backend is silent', () => {
    const [first, second] = config.backends;
    if (first === undefined || second === undefined) throw new Error('the embedded config lacks backends');
    const text = formatLook(
      [
        { kind: 'answers', backend: first, runtime: 'containerd v2', pods: 3, containers: 4 },
        { kind: 'silent', backend: second, reason: 'connect ENOENT' },
      ],
      plain,
    );
    expect(text).toMatch(/^containerd \(default\) +\S+ +runc +3 +4 +containerd v2$/m);
    expect(text).toMatch(/^cri-o +\S+ +crun +- +- +connect ENOENT$/m);
  });
});
