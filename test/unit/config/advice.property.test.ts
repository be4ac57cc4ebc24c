// The hints of the checks, followed to the letter: no pod may get less isolation by that.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Config, type Isolation, isWeaker } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { toConfig } from '../../../src/config/snapshot.ts';
import { decide } from '../../../src/routing/decide.ts';
import { aPod } from '../../support/a-pod.ts';

const BACKENDS = [
  { name: 'containerd', endpoint: '/run/a.sock', default: true, handlers: ['runc'] },
  { name: 'docker', endpoint: '/run/b.sock', handlers: ['docker'] },
  { name: 'gvisor', endpoint: '/run/c.sock', isolation: 'sandboxed', handlers: { gvisor: '' } },
  { name: 'kata', endpoint: '/run/d.sock', isolation: 'vm', handlers: { kata: '' } },
];
const NAMES = BACKENDS.map(({ name }) => name);
const HANDLERS = ['', 'runc', 'docker', 'gvisor', 'kata'];

interface Rule {
  readonly name: string;
  readonly match: { readonly [key: string]: unknown };
  readonly backend: string;
}

const aRule = fc.record({
  match: fc.record(
    {
      handler: fc.oneof(fc.constantFrom(...HANDLERS, '*', 'k*'), fc.record({ exists: fc.boolean() })),
      namespaces: fc.constantFrom(['tenant-*'], ['tenant-a'], ['*'], ['*-system']),
      privileged: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
  backend: fc.constantFrom(...NAMES),
});
const someRules = fc
  .array(aRule, { minLength: 1, maxLength: 4 })
  .map((rules) => rules.map((rule, i): Rule => ({ name: `rule ${i}`, ...rule })));

const pods = HANDLERS.flatMap((handler) =>
  ['tenant-a', 'tenant-b', 'tenant-a-system', 'kube-system'].flatMap((namespace) =>
    [true, false].map((privileged) => aPod({ handler, namespace, privileged })),
  ),
);

function fileOf(rules: readonly Rule[]) {
  return {
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    backends: BACKENDS,
    rules,
  };
}

function unchecked(rules: readonly Rule[]): Config {
  return toConfig(configSchema.parse(JSON.parse(JSON.stringify(fileOf(rules)))));
}

/** Undefined: refused. */
function isolationOf(config: Config, pod: (typeof pods)[number]): Isolation | undefined {
  const decision = decide(config, pod);
  if (decision.kind === 'refused') return undefined;
  return config.backends.find(({ name }) => name === decision.backend)?.isolation;
}

/** The rules as they are when the hint is followed; undefined: it is no hint about the place of rules. */
function follow(hint: string, rules: readonly Rule[], index: number): Rule[] | undefined {
  const rule = rules[index];
  if (rule === undefined) return undefined;
  const others = rules.toSpliced(index, 1);
  const [, before] = /^Move it before rule "(.*?)"/.exec(hint) ?? [];
  if (before !== undefined)
    return others.toSpliced(
      others.findIndex(({ name }) => name === before),
      0,
      rule,
    );
  const [, handler, backend] =
    /a rule with the same match and handler: "(.*)", and backend: (\S+)$/.exec(hint) ?? [];
  if (handler !== undefined && backend !== undefined)
    return rules.toSpliced(index, 0, { name: 'new', match: { ...rule.match, handler }, backend });
  const [, sent] = /^Say what to send instead: handler: "(.*?)"/.exec(hint) ?? [];
  if (sent !== undefined) return rules.with(index, { ...rule, handler: sent } as Rule);
  return /^Remove it$/.test(hint) ? others : undefined;
}

test('no pod is less isolated when a hint about rules is followed', () => {
  let followed = 0;
  fc.assert(
    fc.property(someRules, (rules) => {
      const loaded = loadConfig(JSON.stringify(fileOf(rules), null, 1), 'c.yaml');
      const problems = 'config' in loaded ? loaded.warnings : loaded.problems;
      const before = unchecked(rules);
      for (const { message, hint = '' } of problems) {
        const index = Number(/rule "rule (\d)"/.exec(message)?.[1]);
        const mended = follow(hint, rules, index);
        if (mended === undefined) continue;
        followed++;
        const after = unchecked(mended);
        for (const pod of pods) {
          const [had, has] = [isolationOf(before, pod), isolationOf(after, pod)];
          if (has === undefined || had === has) continue;
          // A pod that was refused gets at least what its handler stands for, and what the rule that refused it gives.
          const rule = rules[index];
          const least = had ?? before.backends.find(({ name }) => name === rule?.backend)?.isolation ?? 'vm';
          expect(isWeaker(has, least), `${message}. ${hint}`).toBe(false);
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(followed).toBeGreaterThan(300);
});
