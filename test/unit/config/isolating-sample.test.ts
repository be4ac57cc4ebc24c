// What config/secure-and-fast.yaml promises of its tenants, whatever their pods ask for.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackendConfig } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { decide } from '../../../src/routing/decide.ts';
import { aPod } from '../../support/a-pod.ts';
import { runFake } from '../cli/fake-context.ts';

const file = fileURLToPath(new URL('../../../config/secure-and-fast.yaml', import.meta.url));
const text = readFileSync(file, 'utf8');
const loaded = loadConfig(text, file);
if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems));
const { config } = loaded;

const TENANTS = ['tenant-*'];

/** A namespace that one of the tenants' globs holds for; often one that rules about the system may want too. */
const aTenantNamespace = fc
  .tuple(
    fc.constantFrom(...TENANTS),
    fc.oneof(
      fc.constantFrom('a', 'a-system', 'system', 'kube-system', 'build-1', ''),
      fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/),
    ),
  )
  .map(([glob, rest]) => glob.replaceAll('*', rest));

const handlers = config.backends.flatMap((backend) => [...backend.handlers].flat());
const names = [...config.backends.map(({ name }) => name), ...handlers, 'true', ''];
const keys = [
  'switchyard.dev/backend',
  'kubernetes.io/target-runtime',
  'app',
  'io.kubernetes.cri.untrusted-workload',
];
const someTexts = fc.dictionary(fc.constantFrom(...keys), fc.constantFrom(...names), { maxKeys: 3 });

const aTenantPod = fc
  .record({
    namespace: aTenantNamespace,
    name: fc.constantFrom('web-0', 'kube-proxy-x', 'containerd'),
    uid: fc.oneof(fc.uuid(), fc.constant('')),
    handler: fc.oneof(fc.constantFrom(...handlers, '', 'runsc', 'crun', 'RUNC'), fc.string({ maxLength: 5 })),
    labels: someTexts,
    annotations: someTexts,
    privileged: fc.boolean(),
    hostNetwork: fc.boolean(),
    hostPID: fc.boolean(),
    hostIPC: fc.boolean(),
  })
  .map(aPod);

function backendOf(name: string): BackendConfig {
  const backend = config.backends.find((one) => one.name === name);
  if (backend === undefined) throw new Error(`no backend ${name}`);
  return backend;
}

describe('secure-and-fast.yaml', () => {
  test('names its tenants by these globs', () => {
    const globs = config.rules
      .flatMap(({ match }) => match.namespaces ?? [])
      .map((pattern) => (pattern.kind === 'exists' ? '' : pattern.text));
    expect(globs.filter((glob) => glob.includes('tenant'))).toEqual(expect.arrayContaining(TENANTS));
  });

  test('sandboxes every pod of a tenant or refuses it, whatever it asks for', () => {
    fc.assert(
      fc.property(aTenantPod, (pod) => {
        const decision = decide(config, pod);
        if (decision.kind === 'refused') return;
        for (const place of [decision, ...(decision.fallback === undefined ? [] : [decision.fallback])]) {
          const { isolation, handlers: known } = backendOf(place.backend);
          expect(isolation).not.toBe('shared');
          // Another runtime of the same backend may be one that shares the kernel.
          expect([...known.values()]).toContain(place.handler);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test('places the pods of tenants that ask for nothing, or for a sandbox or a machine', () => {
    fc.assert(
      fc.property(aTenantNamespace, fc.constantFrom('', 'gvisor', 'kata'), (namespace, handler) => {
        expect(decide(config, aPod({ namespace, handler })).kind).toBe('placed');
      }),
    );
  });

  const proofs = [...text.matchAll(/^# +switchyard (explain .*?) +# (.+)$/gm)];

  test('shows how to prove it', () => {
    expect(proofs.length).toBeGreaterThan(2);
  });

  test.each(proofs.map(([, command = '', result = '']) => [command, result] as const))(
    '%s says: %s',
    async (command, result) => {
      const args = command.replace('secure-and-fast.yaml', file).split(' ');
      const { code, out, err } = await runFake(args);
      expect(err).toBe('');
      expect(out.split('\n').some((line) => line.startsWith(result))).toBe(true);
      expect(code).toBe(result.startsWith('refused') ? 1 : 0);
    },
  );
});
