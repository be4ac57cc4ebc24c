// One Status out of those of all backends. The node's readiness follows the default backend: a NotReady of another one
// would stop every pod of the node, so that is said in conditions of its own and enforced when a pod is placed.
import { create } from '@bufbuild/protobuf';
import {
  type RuntimeCondition,
  RuntimeConditionSchema,
  type RuntimeFeatures,
  RuntimeFeaturesSchema,
  type RuntimeHandler,
  RuntimeHandlerFeaturesSchema,
  RuntimeHandlerSchema,
  RuntimeStatusSchema,
  type StatusResponse,
  StatusResponseSchema,
} from '../cri/gen/runtime/v1/status_pb.ts';

/** One backend's part in the node's status. */
export interface StatusPart {
  readonly name: string;
  readonly isDefault: boolean;
  /** Whether it is connected and answered just now. */
  readonly isUp: boolean;
  /** For people: its state, e.g. `is unreachable since ...`. */
  readonly detail: string;
  /** Its newest answer, which may be older than this call when it is absent; undefined when it never gave one. */
  readonly reply: StatusResponse | undefined;
  /** Exposed runtime handler to the backend's own name for it. */
  readonly handlers: ReadonlyMap<string, string>;
}

const RUNTIME_READY = 'RuntimeReady';
const NETWORK_READY = 'NetworkReady';

/**
 * Merges; `parts` begin with the default backend. `reaches` tells whether a pod with an exposed handler could be
 * placed on a backend: a feature is only claimed when all of those have it.
 */
export function mergeStatus(
  parts: readonly StatusPart[],
  reaches: (handler: string, backend: string) => boolean,
): StatusResponse {
  const merged = create(StatusResponseSchema, {
    status: create(RuntimeStatusSchema, { conditions: conditions(parts) }),
    runtimeHandlers: runtimeHandlers(parts, reaches),
  });
  const features = sharedFeatures(parts);
  if (features !== undefined) merged.features = features;
  for (const { isDefault, name, reply } of parts) {
    for (const [key, value] of Object.entries(reply?.info ?? {}))
      merged.info[isDefault ? key : `${name}.${key}`] = value;
  }
  return merged;
}

function conditions(parts: readonly StatusPart[]): RuntimeCondition[] {
  const own = parts[0]?.reply?.status?.conditions ?? [];
  const isAnyReady = parts.some((part) => part.isUp && conditionOf(part, RUNTIME_READY)?.status === true);
  const others = own.filter(({ type }) => type !== RUNTIME_READY && type !== NETWORK_READY);
  return [
    runtimeReady(own, isAnyReady),
    own.find(({ type }) => type === NETWORK_READY) ?? unknownNetwork(parts[0]),
    ...others,
    ...(parts.length > 1 ? parts.map(backendReady) : []),
  ];
}

function runtimeReady(own: readonly RuntimeCondition[], isAnyReady: boolean): RuntimeCondition {
  const said = own.find(({ type }) => type === RUNTIME_READY);
  if (said !== undefined && said.status === isAnyReady) return said;
  return create(RuntimeConditionSchema, {
    type: RUNTIME_READY,
    status: isAnyReady,
    reason: isAnyReady ? '' : 'NoBackendReady',
    message: isAnyReady ? '' : 'switchyard: no backend is ready',
  });
}

function unknownNetwork(first: StatusPart | undefined): RuntimeCondition {
  return create(RuntimeConditionSchema, {
    type: NETWORK_READY,
    status: false,
    reason: 'DefaultBackendNeverAnswered',
    message: `switchyard: the default backend ${first?.name} ${first?.detail}`,
  });
}

function backendReady(part: StatusPart): RuntimeCondition {
  const said = conditionOf(part, RUNTIME_READY);
  const isReady = part.isUp && said?.status === true;
  return create(RuntimeConditionSchema, {
    type: `Backend.${part.name}.Ready`,
    status: isReady,
    reason: isReady ? '' : part.isUp ? (said?.reason ?? 'NoRuntimeReady') : 'BackendAbsent',
    message: isReady
      ? ''
      : part.isUp
        ? (said?.message ?? '')
        : `switchyard: backend ${part.name} ${part.detail}`,
  });
}

function conditionOf(part: StatusPart, wanted: string): RuntimeCondition | undefined {
  return part.reply?.status?.conditions.find(({ type }) => type === wanted);
}

/** Handlers as the node exposes them, each once, with the features that hold wherever a pod with it may land. */
function runtimeHandlers(
  parts: readonly StatusPart[],
  reaches: (handler: string, backend: string) => boolean,
): RuntimeHandler[] {
  // No backend tells of handlers: an old runtime, which the kubelet knows by the empty list.
  if (parts.every(({ reply }) => (reply?.runtimeHandlers.length ?? 0) === 0)) return [];
  const names = new Set(parts.flatMap(({ handlers }) => [...handlers.keys()]));
  return [...names].map((name) => {
    const reachable = parts.filter((part) => part.handlers.has(name) || reaches(name, part.name));
    const features = reachable.map((part) => {
      const sent = part.handlers.get(name) ?? '';
      return part.reply?.runtimeHandlers.find((handler) => handler.name === sent)?.features;
    });
    return create(RuntimeHandlerSchema, {
      name,
      features: create(RuntimeHandlerFeaturesSchema, {
        recursiveReadOnlyMounts: features.every((one) => one?.recursiveReadOnlyMounts === true),
        userNamespaces: features.every((one) => one?.userNamespaces === true),
      }),
    });
  });
}

/** A feature of the node is one of every backend; claiming it for one that lacks it would weaken its pods silently. */
function sharedFeatures(parts: readonly StatusPart[]): RuntimeFeatures | undefined {
  const all = parts.map(({ reply }) => reply?.features);
  if (all.every((features) => features === undefined)) return undefined;
  return create(RuntimeFeaturesSchema, {
    supplementalGroupsPolicy: all.every((one) => one?.supplementalGroupsPolicy === true),
    userNamespacesHostNetwork: all.every((one) => one?.userNamespacesHostNetwork === true),
    mountOptions: all.every((one) => one?.mountOptions === true),
  });
}
