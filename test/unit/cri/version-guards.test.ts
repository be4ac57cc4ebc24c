import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  knowledgeOf,
  type Obedience,
  VERSION_GUARDS,
  type VersionGuard,
} from '../../../src/cri/version-guards.ts';

const page = path.resolve(import.meta.dirname, '../../../docs/operations/version-guards.md');

function guardNamed(name: string): VersionGuard {
  const found = VERSION_GUARDS.find((guard) => guard.name === name);
  if (found === undefined) throw new Error(`no guard is named ${name}`);
  return found;
}

function knownOf(
  name: string,
  runtimeName: string,
  runtimeVersion: string,
  apiVersion: 'v1' | 'v1alpha2' = 'v1',
) {
  return knowledgeOf(guardNamed(name), { runtimeName, runtimeVersion, apiVersion });
}

describe('knowledgeOf', () => {
  it('reads releases as the runtimes write them', () => {
    for (const version of ['1.7.0', 'v1.7.24', '1.7.24~ds1', '1.7.0-rc.1', '1.10.2', 'v2.0.0', '2.1'])
      expect(knownOf('user-namespace', 'containerd', version), version).toBe('obeys');
    for (const version of ['1.6.20', 'v1.6.20~ds1', '1.2.0', '0.9'])
      expect(knownOf('user-namespace', 'containerd', version), version).toBe('ignores');
  });

  it('does not judge a release that cannot be read, nor a runtime that it does not know', () => {
    expect(knownOf('seccomp-profile', 'containerd', 'unknown')).toBe('unknown');
    expect(knownOf('seccomp-profile', 'stranger', '0.1')).toBe('unknown');
    expect(knownOf('seccomp-profile', 'docker', '18.09.0')).toBe('unknown');
  });

  it('lets Status tell where its flag came with the field, or the release cannot be read', () => {
    expect(knownOf('supplemental-groups-policy', 'stranger', '0.1')).toBe('status-tells');
    expect(knownOf('user-namespace', 'docker', '20.10.24')).toBe('status-tells');
    expect(knownOf('user-namespace', 'cri-o', 'devel')).toBe('status-tells');
  });

  it('knows that a runtime with v1alpha2 alone has none of the fields that came after it', () => {
    expect(knownOf('supplemental-groups-policy', 'stranger', '9.0', 'v1alpha2')).toBe('ignores');
    expect(knownOf('user-namespace', 'stranger', '9.0', 'v1alpha2')).toBe('unknown');
  });
});

describe('docs/operations/version-guards.md', () => {
  it('shows the table as it is', async () => {
    const rows = VERSION_GUARDS.map((guard) => {
      const { field, since, manifest, obeyed, others } = guard;
      const cells = ['containerd', 'cri-o', 'docker'].map((name) => wordsOf(obeyed[name] ?? others));
      return `| \`${field}\` | ${since} | ${manifest} | ${cells.join(' | ')} | ${wordsOf(others)} |`;
    });
    const text = `# Fields that old runtimes would ignore

A container runtime drops the fields of a request that it does not know, and says nothing. Where a pod's isolation rests
on such a field, Switchyard refuses the request with FAILED_PRECONDITION before the runtime sees it, with the pod, the
backend, the field, and what to do. Such calls are in the log with \`"rule":"guard"\`, and counted in
\`switchyard_decisions_total{rule="guard",outcome="refused"}\`.

Only what is known counts. A release is read from the backend's Version; an entry is the first release that obeys the
field. *Status* means that only the runtime's Status can tell (its handlers, or its features): it is asked when the
first request comes that needs it, and once for each time the runtime was met. *Never* means that no release obeys it
yet; *trusted*, that nothing can be known, so that the request passes. A backend whose API is v1alpha2 alone has no
field that came after 1.25.

| field | CRI of | in a manifest | containerd | cri-o | docker | others |
|---|---|---|---|---|---|---|
${rows.join('\n')}

What to do with a pod that is refused: give it a rule or a runtime class whose backend is new enough, upgrade that
runtime, or take the setting out of its manifest and accept what that means. The version of a backend is in the log line
\`backend is ready\`.

Written by a test from the table in the source (\`npx vitest run test/unit/cri/version-guards.test.ts -u\`).
`;
    await expect(text).toMatchFileSnapshot(page);
  });
});

function wordsOf(obedience: Obedience | undefined): string {
  switch (obedience) {
    case undefined:
      return 'trusted';
    case 'when-told':
      return 'Status';
    case 'never':
      return 'never';
    default:
      return obedience;
  }
}
