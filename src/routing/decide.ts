// Where a new pod goes: a pure function of the config and the pod, with its trace. Asked once per RunPodSandbox; what
// is known of the backends and of the pod's earlier sandboxes is held against the result in proxy/placement.ts.
//
// The order: the pod's annotation, where the config honours it; the rules, first match wins; the backend that exposes
// the pod's runtime handler; for a pod that asks for none, the default backend. The annotation comes first because a
// rule would else take the choice from the very namespaces the config gives it to.
import type { BackendConfig, Config } from '../config/config.ts';
import { describePattern, matchesPattern } from '../config/pattern.ts';
import { quote } from '../quote.ts';
import type { PodAttributes } from './attributes.ts';
import { type Chooser, type Fallback, permit } from './permit.ts';
import { backendNamed, type Router, routerOf } from './router.ts';
import { type CompiledRule, findMismatch, type Mismatch } from './rule.ts';
import { chooseShare } from './split.ts';

/** The result of the rules for one pod. */
export type Decision = Placed | Refused;

export interface Placed {
  readonly kind: 'placed';
  readonly backend: string;
  /** The runtime handler to send to the backend. */
  readonly handler: string;
  /** Name of the rule that decided, or `annotation`, `handler`, `default`. */
  readonly rule: string;
  /** Takes the pod while the backend is absent. Never less isolated than the backend. */
  readonly fallback?: Fallback;
  readonly trace: readonly TraceStep[];
}

export interface Refused {
  readonly kind: 'refused';
  /** Why, to follow "the pod is refused: ". */
  readonly reason: string;
  /** What to do: one sentence without a full stop at its end. */
  readonly hint: string;
  /** As of Placed. */
  readonly rule: string;
  readonly trace: readonly TraceStep[];
}

/** What one stage said. They are in the order asked; the last one decided. */
export interface TraceStep {
  readonly stage: Chooser['stage'];
  /** The name of the rule, when the stage is one. */
  readonly rule?: string;
  readonly outcome: 'passed over' | 'placed' | 'refused';
  /** Where a rule does not match; everything else in a few words about the pod. */
  readonly because: Mismatch | string;
}

/** Decides for one pod: the same for the same config and pod. */
export function decide(config: Config, pod: PodAttributes): Decision {
  const router = routerOf(config);
  const trace: TraceStep[] = [];
  return (
    byAnnotation(config, router, pod, trace) ?? byRule(router, pod, trace) ?? byHandler(router, pod, trace)
  );
}

function byAnnotation(
  { annotation }: Config,
  router: Router,
  pod: PodAttributes,
  trace: TraceStep[],
): Decision | undefined {
  if (annotation === undefined) return undefined;
  const { key, namespaces } = annotation;
  const chooser = { stage: 'annotation', key } as const;
  const passOver = (because: string) => {
    trace.push({ stage: 'annotation', outcome: 'passed over', because });
    return undefined;
  };
  const value = pod.annotations.get(key);
  if (value === undefined) return passOver(`${key} is not set`);
  if (!namespaces.some((pattern) => matchesPattern(pattern, pod.namespace))) {
    const allowed = namespaces.map(describePattern).join(', ');
    const said = allowed === '' ? 'in no namespace' : `only in ${allowed}`;
    return passOver(`${key} is ignored in namespace ${quote(pod.namespace)}: pods may choose ${said}`);
  }
  // An empty value is what a template leaves where nothing was chosen.
  if (value === '') return passOver(`${key} is empty`);
  const backend = router.backends.get(value);
  if (backend === undefined) {
    const reason = `its annotation ${key} names ${quote(value)}, and no backend has that name`;
    return refuse(chooser, reason, `The backends are: ${[...router.backends.keys()].join(', ')}`, trace);
  }
  return place(router, pod, backend, chooser, `${key} is ${quote(value)}`, trace);
}

function byRule(router: Router, pod: PodAttributes, trace: TraceStep[]): Decision | undefined {
  for (const rule of router.rules) {
    const mismatch = findMismatch(rule, pod);
    if (mismatch === undefined) return byMatchingRule(router, pod, rule, trace);
    trace.push({ stage: 'rule', rule: rule.config.name, outcome: 'passed over', because: mismatch });
  }
  return undefined;
}

function byMatchingRule(
  router: Router,
  pod: PodAttributes,
  rule: CompiledRule,
  trace: TraceStep[],
): Decision {
  const { target } = rule.config;
  const chooser = { stage: 'rule', rule } as const;
  if (target.kind === 'backend') {
    return place(router, pod, backendNamed(router, target.backend), chooser, 'it matches', trace);
  }
  // A pod made by hand, with crictl, may lack a UID.
  const key = pod.uid === '' ? `${pod.namespace}/${pod.name}` : pod.uid;
  const chosen = chooseShare(target.shares, key);
  const shares = target.shares.map(({ backend, weight }) => `${backend} ${weight}`).join(', ');
  const because = `it matches, and the split (${shares}) gives ${quote(key)} to ${chosen}`;
  return place(router, pod, backendNamed(router, chosen), chooser, because, trace);
}

function byHandler(router: Router, pod: PodAttributes, trace: TraceStep[]): Decision {
  if (pod.handler === '') {
    const because = 'the pod asks for no runtime handler';
    return place(router, pod, router.default, { stage: 'default' }, because, trace);
  }
  const handler = quote(pod.handler);
  const backend = router.exposing.get(pod.handler);
  if (backend !== undefined) {
    return place(
      router,
      pod,
      backend,
      { stage: 'handler' },
      `backend ${backend.name} exposes ${handler}`,
      trace,
    );
  }
  const exposed = [...router.exposing.keys()].filter((name) => name !== '').join(', ');
  const hint = `Add it to the handlers of a backend; ${exposed === '' ? 'none is exposed now' : `exposed are: ${exposed}`}`;
  return refuse({ stage: 'handler' }, `no backend exposes the runtime handler ${handler}`, hint, trace);
}

function place(
  router: Router,
  pod: PodAttributes,
  backend: BackendConfig,
  chooser: Chooser,
  because: string,
  trace: TraceStep[],
): Decision {
  const answer = permit(router, pod, backend, chooser);
  if (answer.kind === 'denied') return refuse(chooser, answer.reason, answer.hint, trace);
  trace.push({ ...stepOf(chooser), outcome: 'placed', because });
  const { handler, fallback } = answer;
  const placed = { kind: 'placed', backend: backend.name, handler, rule: nameOf(chooser), trace } as const;
  return fallback === undefined ? placed : { ...placed, fallback };
}

function refuse(chooser: Chooser, reason: string, hint: string, trace: TraceStep[]): Refused {
  trace.push({ ...stepOf(chooser), outcome: 'refused', because: reason });
  return { kind: 'refused', reason, hint, rule: nameOf(chooser), trace };
}

function stepOf(chooser: Chooser): Pick<TraceStep, 'stage' | 'rule'> {
  return chooser.stage === 'rule'
    ? { stage: 'rule', rule: chooser.rule.config.name }
    : { stage: chooser.stage };
}

function nameOf(chooser: Chooser): string {
  return chooser.stage === 'rule' ? chooser.rule.config.name : chooser.stage;
}
