import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { decide } from '../../../src/routing/decide.ts';
import { aPod, type PodWish } from '../../support/a-pod.ts';

const folder = new URL('../../../config/', import.meta.url);
const samples = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

const loadedSamples = new Map(
  samples.map((sample) => [sample, loadConfig(readFileSync(new URL(sample, folder), 'utf8'), sample)]),
);

/** The backend that minimal.yaml has in comments. */
const MINIMAL_AND_MORE = 'minimal.yaml with its second backend';
const minimal = readFileSync(new URL('minimal.yaml', folder), 'utf8');
const more = minimal.replace(/^ {2}# The second.*$/m, '').replaceAll(/^ {2}# (- name| {2}\w)/gm, '  $1');
loadedSamples.set(MINIMAL_AND_MORE, loadConfig(more, MINIMAL_AND_MORE));

function load(sample: string) {
  const loaded = loadedSamples.get(sample);
  if (loaded === undefined || !('config' in loaded))
    throw new Error(`${sample}: ${JSON.stringify(loaded?.problems)}`);
  return loaded;
}

/** `backend <- rule (handler sent)`, or `refused by rule`. */
function whereTo(sample: string, wish: PodWish): string {
  const decision = decide(load(sample).config, aPod(wish));
  if (decision.kind === 'refused') return `refused by ${decision.rule}`;
  const fallback = decision.fallback === undefined ? '' : `, else ${decision.fallback.backend}`;
  return `${decision.backend}${fallback} <- ${decision.rule} (${JSON.stringify(decision.handler)})`;
}

test('there are samples for the usual beginnings', () => {
  expect(samples.sort()).toEqual([
    'criproxy-compatible.yaml',
    'docker-migration.yaml',
    'frakti-compatible.yaml',
    'minimal.yaml',
    'secure-and-fast.yaml',
  ]);
});

test.each(samples)('%s loads without a problem or a warning, and points editors at the schema', (sample) => {
  expect(load(sample).warnings).toEqual([]);
  const [first] = readFileSync(new URL(sample, folder), 'utf8').split('\n');
  expect(first).toBe('# yaml-language-server: $schema=./switchyard.schema.json');
});

test('minimal.yaml has one backend, so that a node with one containerd becomes ready with it', () => {
  expect(load('minimal.yaml').config.backends.map(({ name }) => name)).toEqual(['containerd']);
});

describe('where the samples place pods', () => {
  const frakti = 'frakti-compatible.yaml';
  const criproxy = 'criproxy-compatible.yaml';
  const target = (name: string) => ({ annotations: { 'kubernetes.io/target-runtime': name } });
  test.each<[sample: string, pod: string, wish: PodWish, where: string]>([
    ['minimal.yaml', 'any pod', {}, 'containerd <- default ("")'],
    ['minimal.yaml', 'a pod of a handler', { handler: 'gvisor' }, 'refused by handler'],
    [MINIMAL_AND_MORE, 'any pod', {}, 'containerd <- default ("")'],
    [MINIMAL_AND_MORE, 'a gvisor pod', { handler: 'gvisor' }, 'gvisor <- handler ("")'],
    [MINIMAL_AND_MORE, 'a pod of an unknown handler', { handler: 'kata' }, 'refused by handler'],

    ['secure-and-fast.yaml', 'any pod', {}, 'containerd <- default ("")'],
    [
      'secure-and-fast.yaml',
      'a system pod',
      { namespace: 'kube-system', privileged: true },
      'containerd <- system pods stay on the host runtime ("")',
    ],
    [
      'secure-and-fast.yaml',
      'a tenant pod',
      { namespace: 'tenant-a' },
      'gvisor, else kata <- tenants are sandboxed ("")',
    ],
    [
      'secure-and-fast.yaml',
      'a privileged tenant pod',
      { namespace: 'tenant-a', privileged: true },
      'kata <- privileged tenants get a machine of their own ("")',
    ],
    [
      'secure-and-fast.yaml',
      'a tenant pod that asks for kata',
      { namespace: 'tenant-a', handler: 'kata' },
      'kata <- tenants may ask for a machine of their own ("")',
    ],
    [
      'secure-and-fast.yaml',
      'a system pod that asks for gvisor',
      { namespace: 'kube-system', handler: 'gvisor' },
      'gvisor <- handler ("")',
    ],

    [
      'docker-migration.yaml',
      'a pod that needs Docker',
      { annotations: { 'build.example.com/needs': 'docker' } },
      'docker <- what talks to the Docker daemon stays on it ("")',
    ],
    [
      'docker-migration.yaml',
      'a system pod',
      { namespace: 'kube-system' },
      'docker <- the node\'s own pods move last ("")',
    ],
    ['docker-migration.yaml', 'a docker pod', { handler: 'docker' }, 'docker <- handler ("docker")'],
    ['docker-migration.yaml', 'a containerd pod', { handler: 'containerd' }, 'containerd <- handler ("")'],

    [criproxy, 'any pod', {}, 'docker <- default ("")'],
    [criproxy, 'a virtlet pod', target('virtlet.cloud'), 'virtlet.cloud <- annotation ("")'],
    [criproxy, 'a pod of an unknown runtime', target('hyper'), 'refused by annotation'],
    [criproxy, 'a pod of a RuntimeClass', { handler: 'virtlet' }, 'virtlet.cloud <- handler ("")'],
    [
      criproxy,
      'a virtlet pod annotated otherwise',
      { handler: 'virtlet', ...target('docker') },
      'refused by annotation',
    ],

    [frakti, 'any pod', {}, 'kata <- default ("")'],
    [frakti, 'a privileged pod', { privileged: true }, 'containerd <- privileged ("")'],
    [
      frakti,
      'a pod on the network of the host',
      { hostNetwork: true },
      'containerd <- network of the host ("")',
    ],
    [
      frakti,
      'a pod with the processes of the host',
      { hostPID: true },
      'containerd <- processes of the host ("")',
    ],
    [frakti, 'a pod with the IPC of the host', { hostIPC: true }, 'containerd <- IPC of the host ("")'],
    [
      frakti,
      'an annotated pod',
      { annotations: { 'runtime.frakti.alpha.kubernetes.io/OSContainer': 'true' } },
      'containerd <- asked for the OS runtime ("")',
    ],
    [
      frakti,
      'a privileged pod that asks for kata',
      { privileged: true, handler: 'kata' },
      'kata <- handler ("")',
    ],
  ])('%s: %s', (sample, _, wish, where) => {
    expect(whereTo(sample, wish)).toBe(where);
  });

  test('docker-migration.yaml moves about a tenth of the other pods', () => {
    const places = Array.from({ length: 1_000 }, (_, i) =>
      whereTo('docker-migration.yaml', { uid: `pod-${i}` }),
    );
    const moved = places.filter((place) => place.startsWith('containerd')).length;
    expect(moved).toBeGreaterThan(60);
    expect(moved).toBeLessThan(140);
  });
});
