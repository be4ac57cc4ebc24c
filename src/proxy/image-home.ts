// Which backend an image call is for. Image calls do not name a pod's backend, so this reads what the kubelet sends
// along: the pod's config with a pull, the pod's annotations with a look-up, at last the image's name alone.
import type { Backend } from '../backends/backend.ts';
import { readBytes, readMap, readString } from '../cri/wire.ts';
import { type PodAttributes, readAttributes } from '../routing/attributes.ts';
import { decide } from '../routing/decide.ts';
import type { ProxyParts } from './parts.ts';

/** ImageSpec is field 1 of ImageStatus, PullImage and RemoveImage. */
export const IMAGE = [1, 1];
const ANNOTATIONS = [1, 2];
const HANDLER = [1, 19];
/** PullImage's PodSandboxConfig, and the UID in its metadata. */
const SANDBOX_CONFIG = [3];
const SANDBOX_UID = [3, 1, 2];

/** The backend a PullImage is for: the pod's own, else where the rules would put the pod, else the default. */
export function homeOfPull(parts: ProxyParts, request: Buffer): Backend {
  const { placements, ledger, registry } = parts;
  const end = request.length;
  const uid = readString(request, 0, end, SANDBOX_UID);
  const living = uid ? (placements.backendOf(uid) ?? ledger.backendsOfPod(uid).at(-1)) : undefined;
  if (living !== undefined) return living;
  if (readBytes(request, 0, end, SANDBOX_CONFIG) !== undefined) {
    const planned = plannedFor(parts, readAttributes(request, SANDBOX_CONFIG, HANDLER));
    if (planned !== undefined) return planned;
  }
  return homeOfSpec(parts, request) ?? registry.default;
}

/** The backend whose pod this ImageSpec belongs to; undefined when the spec says nothing of a pod. */
export function homeOfSpec(parts: ProxyParts, request: Buffer): Backend | undefined {
  const annotations = readMap(request, 0, request.length, ANNOTATIONS);
  const handler = readString(request, 0, request.length, HANDLER) ?? '';
  if (annotations.size === 0 && handler === '') return undefined;
  return (
    parts.imageMemory.backendOfPod(annotations) ??
    plannedFor(parts, { ...NO_POD, annotations, handler }) ??
    parts.registry.default
  );
}

const NO_POD: PodAttributes = {
  name: '',
  namespace: '',
  uid: '',
  handler: '',
  labels: new Map(),
  annotations: new Map(),
  privileged: false,
  hostNetwork: false,
  hostPID: false,
  hostIPC: false,
};

function plannedFor({ config, registry }: ProxyParts, pod: PodAttributes): Backend | undefined {
  const decision = decide(config, pod);
  return decision.kind === 'placed' ? registry.get(decision.backend) : undefined;
}
