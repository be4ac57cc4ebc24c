// The safety rules of routing, held against configs that have not passed the checks of the loader: what a config says
// must not matter for them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BackendConfig, type Config, ISOLATIONS, isWeaker } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { toConfig } from '../../../src/config/snapshot.ts';
import type { PodAttributes } from '../../../src/routing/attributes.ts';
import { decide } from '../../../src/routing/decide.ts';
import { reachableHandlers } from '../../../src/routing/reach.ts';
import { aPod } from '../../support/a-pod.ts';

const NAMES = ['one', 'two', 'three', 'four'];
const HANDLERS = ['h1', 'h2', 'h3', 'h4'];

const aName = fc.constantFrom(...NAMES);
const aHandler = fc.constantFrom('', ...HANDLERS, 'unknown');
const anOptional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const aMatch = fc.record({
  handler: anOptional(
    fc.oneof(aHandler, fc.constantFrom('h*', '*', '*1'), fc.record({ exists: fc.boolean() })),
  ),
  namespaces: anOptional(fc.constantFrom(['a'], ['b', 'c'])),
  privileged: anOptional(fc.boolean()),
});

const aTarget = fc.oneof(
  fc.record({ backend: aName }),
  fc.record({
    split: fc.uniqueArray(fc.record({ backend: aName, weight: fc.integer({ min: 1, max: 9 }) }), {
      selector: ({ backend }) => backend,
      minLength: 1,
    }),
  }),
);

const aRule = fc
  .tuple(aMatch, aTarget, anOptional(aName), anOptional(fc.constantFrom('', 'h1', 'other')))
  .map(([match, target, fallback, handler]) => ({ match, ...target, fallback, handler }));

/** A config file with four backends, whose handlers are unique and which are of any isolation. */
const aFile = fc
  .record({
    isolations: fc.array(fc.constantFrom(...ISOLATIONS), { minLength: 4, maxLength: 4 }),
    exposes: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    rules: fc.array(aRule, { maxLength: 4 }),
    hasAnnotation: fc.boolean(),
  })
  .map(({ isolations, exposes, rules, hasAnnotation }) => ({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    annotation: hasAnnotation ? { key: 'backend', namespaces: ['a'] } : undefined,
    backends: NAMES.map((name, i) => ({
      name,
      endpoint: `/run/${name}.sock`,
      default: i === 0,
      isolation: isolations[i],
      handlers: exposes[i] ? [HANDLERS[i]] : undefined,
    })),
    rules: rules.map((rule, i) => ({ name: `rule ${i}`, ...rule })),
  }));

const somePod = fc
  .record({
    handler: aHandler,
    namespace: fc.constantFrom('a', 'b', 'd'),
    privileged: fc.boolean(),
    uid: fc.uuid(),
    backend: anOptional(fc.constantFrom(...NAMES, 'nobody', '')),
  })
  .map(({ backend, ...wish }) => aPod({ ...wish, annotations: backend === undefined ? {} : { backend } }));

function unchecked(file: unknown): Config {
  return toConfig(configSchema.parse(JSON.parse(JSON.stringify(file))));
}

function backendOf(config: Config, name: string): BackendConfig {
  const backend = config.backends.find((one) => one.name === name);
  if (backend === undefined) throw new Error(`no backend ${name}`);
  return backend;
}

function ownerOf(config: Config, pod: PodAttributes): BackendConfig | undefined {
  return pod.handler === '' ? undefined : config.backends.find((one) => one.handlers.has(pod.handler));
}

test('no pod is ever placed on a less isolated backend than its handler stands for', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const config = unchecked(file);
      const decision = decide(config, pod);
      if (decision.kind === 'refused') return;
      const own = ownerOf(config, pod);
      for (const name of [decision.backend, decision.fallback?.backend]) {
        if (own === undefined || name === undefined) continue;
        expect(isWeaker(backendOf(config, name).isolation, own.isolation)).toBe(false);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('no fallback is less isolated than the backend it stands in for', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const config = unchecked(file);
      const decision = decide(config, pod);
      if (decision.kind === 'refused' || decision.fallback === undefined) return;
      const { isolation } = backendOf(config, decision.fallback.backend);
      expect(isWeaker(isolation, backendOf(config, decision.backend).isolation)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

test('a handler that nothing exposes is placed only by a rule that names handlers and says what to send', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const config = unchecked(file);
      if (pod.handler === '' || ownerOf(config, pod) !== undefined) return;
      const decision = decide(config, pod);
      if (decision.kind === 'refused') return;
      const rule = config.rules.find(({ name }) => name === decision.rule);
      expect(rule?.match.handler).toBeDefined();
      expect(decision.handler).toBe(rule?.handler);
    }),
    { numRuns: 2_000 },
  );
});

test('with a config that loads, a pod without a handler always has a place unless its annotation names none', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const loaded = loadConfig(JSON.stringify(file), 'c.yaml');
      if (!('config' in loaded) || pod.handler !== '') return;
      const decision = decide(loaded.config, pod);
      if (decision.kind === 'refused') expect(pod.annotations.get('backend')).toBe('nobody');
    }),
    { numRuns: 500 },
  );
});

test('no pod lands where reachableHandlers did not say that pods with its handler may', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const config = unchecked(file);
      const decision = decide(config, pod);
      if (decision.kind === 'refused') return;
      const told = reachableHandlers(config).find(({ name }) => name === pod.handler);
      // A glob may catch handlers that nobody names: nothing is claimed of those.
      if (told === undefined && pod.handler !== '' && ownerOf(config, pod) === undefined) return;
      for (const { backend, handler } of [decision, decision.fallback ?? decision])
        expect(told?.places).toContainEqual({ backend, handler });
    }),
    { numRuns: 3_000 },
  );
});

test('the last step of a trace is the decision, and only that decides', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      const { kind, trace } = decide(unchecked(file), pod);
      expect(trace.map(({ outcome }) => outcome)).toEqual([
        ...Array.from({ length: trace.length - 1 }, () => 'passed over'),
        kind,
      ]);
    }),
    { numRuns: 500 },
  );
});

test('the same pod gets the same decision', () => {
  fc.assert(
    fc.property(aFile, somePod, (file, pod) => {
      expect(decide(unchecked(file), pod)).toEqual(decide(unchecked(file), pod));
    }),
    { numRuns: 200 },
  );
});
