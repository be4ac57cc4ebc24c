// The safety rules of routing: whether a backend that was chosen may take a pod, and which runtime handler it is sent.
// Every way to a backend goes through here, whoever chose it.
import { type BackendConfig, isWeaker } from '../config/config.ts';
import { quote } from '../quote.ts';
import type { PodAttributes } from './attributes.ts';
import type { Router } from './router.ts';
import type { CompiledRule } from './rule.ts';

/** Who chose the backend. */
export type Chooser =
  | { readonly stage: 'annotation'; readonly key: string }
  | { readonly stage: 'rule'; readonly rule: CompiledRule }
  | { readonly stage: 'handler' }
  | { readonly stage: 'default' }
  /** Nobody: the backend is the one that wrote the checkpoint from which the pod is restored. */
  | { readonly stage: 'checkpoint'; readonly path: string };

export type Permit =
  | { readonly kind: 'granted'; readonly handler: string; readonly fallback: Fallback | undefined }
  | { readonly kind: 'denied'; readonly reason: string; readonly hint: string };

/** All that the safety rules ask of a pod. */
type AskingPod = Pick<PodAttributes, 'handler'>;

/** Who may take the pod while its backend is absent, and the handler to send there. */
export interface Fallback {
  readonly backend: string;
  readonly handler: string;
}

/**
 * Grants `backend` the pod unless that is less isolated than what the pod's runtime handler stands for, or the backend
 * does not know that handler. A pod that asks for no handler asks for no isolation either: rules may place it anywhere.
 */
export function permit(router: Router, pod: AskingPod, backend: BackendConfig, chooser: Chooser): Permit {
  const rule = chooser.stage === 'rule' ? chooser.rule : undefined;
  const own = pod.handler === '' ? undefined : router.exposing.get(pod.handler);
  if (own !== undefined && isWeaker(backend.isolation, own.isolation)) {
    return deny(
      `${wordsOf(chooser)} backend ${backend.name} (isolation ${backend.isolation}), but its runtime handler ${quote(pod.handler)} stands for backend ${own.name} (isolation ${own.isolation})`,
      rule === undefined
        ? hintWithoutRule(chooser, 'Leave out the annotation')
        : `To place it on ${own.name}, put before that rule one with the same match and handler: ${quote(pod.handler)}, and backend: ${own.name}`,
    );
  }
  const handler = handlerToSend(backend, pod, rule);
  if (handler === undefined) {
    return deny(
      `${wordsOf(chooser)} backend ${backend.name}, which does not expose its runtime handler ${quote(pod.handler)}`,
      rule === undefined
        ? hintWithoutRule(chooser, 'Leave out the annotation or the runtime handler')
        : handlerHint(backend),
    );
  }
  return { kind: 'granted', handler, fallback: fallbackOf(router, pod, backend, rule) };
}

function hintWithoutRule({ stage }: Chooser, hint: string): string {
  return stage === 'checkpoint'
    ? 'Restore it with the runtime handler of the pod that was checkpointed'
    : hint;
}

function deny(reason: string, hint: string): Permit {
  return { kind: 'denied', reason, hint };
}

/** Of a backend that isolates pods, only the handlers that it exposes are known to do so. */
function handlerHint({ name, isolation, handlers }: BackendConfig): string {
  const exposed = [...handlers.keys()].filter((handler) => handler !== '').join(', ');
  const other = `Let the pod ask for no runtime handler${exposed === '' ? '' : `, or for one that backend ${name} exposes: ${exposed}`}`;
  if (isolation !== 'shared') return other;
  return `${other}; or name it in the rule's match.handler and say in the rule's handler what to send instead`;
}

/** Begins the reason of a denial, about the pod. */
function wordsOf(chooser: Chooser): string {
  switch (chooser.stage) {
    case 'annotation':
      return `its annotation ${chooser.key} asks for`;
    case 'rule':
      return `rule ${quote(chooser.rule.config.name)} places it on`;
    case 'checkpoint':
      return `its checkpoint ${quote(chooser.path)} was written by`;
    case 'handler':
    case 'default':
      return 'it belongs on';
    default:
      return chooser satisfies never;
  }
}

/** A fallback that could not take this very pod is none. */
function fallbackOf(
  router: Router,
  pod: AskingPod,
  backend: BackendConfig,
  rule: CompiledRule | undefined,
): Fallback | undefined {
  if (rule?.config.fallback === undefined) return undefined;
  const fallback = router.backends.get(rule.config.fallback);
  if (fallback === undefined || fallback === backend) return undefined;
  if (isWeaker(fallback.isolation, backend.isolation)) return undefined;
  const handler = handlerToSend(fallback, pod, rule);
  return handler === undefined ? undefined : { backend: fallback.name, handler };
}

/**
 * The handler to send to this backend; undefined when it has no name for the one the pod asks for. A rule's own
 * `handler` replaces one that the pod asked for only where the rule's match names handlers: else a rule about, say,
 * namespaces would silently change what runs a pod.
 */
function handlerToSend(
  backend: BackendConfig,
  pod: AskingPod,
  rule: CompiledRule | undefined,
): string | undefined {
  const mayReplace = pod.handler === '' || rule?.config.match.handler !== undefined;
  if (rule?.config.handler !== undefined && mayReplace) return rule.config.handler;
  return backend.handlers.get(pod.handler) ?? (pod.handler === '' ? '' : undefined);
}
