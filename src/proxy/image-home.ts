// Which backend an image call is for. Image calls do not name a pod's backend, so this reads what the kubelet sends
// along: the pod's config with a pull, the pod's annotations with a look-up, at last the image's name alone.
//
// What is known of pods goes before what the rules say: a pod stays where it is when its annotations or the rules change.
import type { Backend } from '../backends/backend.ts';
import { readBytes, readMap, readString } from '../cri/wire.ts';
import { findTraces } from '../ledger/pod-traces.ts';
import { type PodAttributes, readAttributes } from '../routing/attributes.ts';
import { candidatesOf } from '../routing/candidates.ts';
import { HANDLER_ANNOTATION, SPEC_HANDLER } from './image-request.ts';
import type { ProxyParts } from './parts.ts';
import { choose } from './placement.ts';

/** ImageSpec is field 1 of ImageStatus, PullImage and RemoveImage. */
export const IMAGE = [1, 1];
/** The annotations of the pod that it is for. */
export const ANNOTATIONS = [1, 2];
/** PullImage's PodSandboxConfig, and the UID in its metadata. */
const SANDBOX_CONFIG = [3];
const SANDBOX_UID = [3, 1, 2];

/** Where the pod is that an ImageSpec belongs to. */
export type ImageHome =
  | { readonly kind: 'known'; readonly backend: Backend }
  /** On one of these, the default first; which of them cannot be told. */
  | { readonly kind: 'one of'; readonly backends: readonly Backend[] }
  /** The spec says nothing of a pod. */
  | { readonly kind: 'unsaid' };

/** The backend a PullImage is for: the pod's own, else where the pod would be placed, else the default. */
export function homeOfPull(parts: ProxyParts, request: Buffer): Backend {
  const { placements, ledger, registry, imageMemory } = parts;
  const end = request.length;
  const uid = readString(request, 0, end, SANDBOX_UID);
  const living = uid ? (placements.backendOf(uid) ?? ledger.backendsOfPod(uid).at(-1)) : undefined;
  if (living !== undefined) {
    // Its annotations may be new to us, after a restart or an edit; the look-ups that follow have nothing else.
    imageMemory.rememberPod(readMap(request, 0, end, ANNOTATIONS), living);
    return living;
  }
  if (readBytes(request, 0, end, SANDBOX_CONFIG) !== undefined) {
    const choice = choose(parts, podOf(parts, request), undefined);
    if (choice.kind === 'refused') throw choice.error;
    return choice.backend;
  }
  const home = homeOfSpec(parts, request);
  if (home.kind === 'known') return home.backend;
  return (home.kind === 'one of' ? home.backends[0] : undefined) ?? registry.default;
}

/** Where the pod is that this ImageSpec belongs to. */
export function homeOfSpec(parts: ProxyParts, request: Buffer): ImageHome {
  const annotations = readMap(request, 0, request.length, ANNOTATIONS);
  const handler = readString(request, 0, request.length, SPEC_HANDLER) ?? '';
  const image = readString(request, 0, request.length, IMAGE) ?? '';
  const home = annotations.size === 0 ? UNSAID : homeOfAnnotations(parts, annotations, handler, image);
  if (home.kind === 'known' || handler === '') return home;
  const exposed = exposing(parts, handler);
  return exposed === undefined ? home : { kind: 'known', backend: exposed };
}

/** Whether the ImageSpec or the request says anything of a pod, so that it matters what is known of pods. */
export function speaksOfPod(request: Buffer): boolean {
  const isSaid = (path: readonly number[]) => readBytes(request, 0, request.length, path) !== undefined;
  return isSaid(ANNOTATIONS) || isSaid(SANDBOX_CONFIG);
}

/**
 * In order: the pod that had exactly these annotations when it was placed; one that was first seen at the same moment,
 * for annotations may be edited; the pods with the same annotations, for a kubelet that was restarted sees all pods
 * anew; the rules. Where pods with the same annotations live on several backends, it is more likely the one that has just
 * lost a container of that image; else the rules may leave one of them.
 */
function homeOfAnnotations(
  parts: ProxyParts,
  annotations: ReadonlyMap<string, string>,
  handler: string,
  image: string,
): ImageHome {
  const { imageMemory, registry, config } = parts;
  const remembered = imageMemory.backendOfPod(annotations);
  if (remembered !== undefined) return { kind: 'known', backend: remembered };
  const { same, alike, bereft, unlisted } = findTraces(registry.all, annotations, image);
  const [only] = same;
  if (only !== undefined && same.length === 1) {
    imageMemory.rememberPod(annotations, only);
    return { kind: 'known', backend: only };
  }
  const [loser] = bereft;
  // A runtime handler says more than a guess.
  if (loser !== undefined && bereft.length === 1 && handler === '') return { kind: 'known', backend: loser };
  const reachable = candidatesOf(config, annotations, handler);
  const byRules = registry.all.filter(({ name }) => reachable.has(name));
  // A backend that was never listed may have the pod as well.
  const bySight = registry.all.filter((one) => alike.includes(one) || unlisted.includes(one));
  const possible = alike.length === 0 ? byRules : bySight;
  const both = possible.filter((backend) => reachable.has(backend.name));
  const [home] = both.length === 1 ? both : possible;
  if (home !== undefined && (both.length === 1 || possible.length === 1)) {
    return { kind: 'known', backend: home };
  }
  // No pod is like it and the rules leave it open: it may be anywhere, as the rules may have changed.
  return { kind: 'one of', backends: alike.length === 0 ? registry.all : possible };
}

/**
 * The pod of a PullImage as the rules see it. A handler that nothing exposes is none here: no pod could have it, so what
 * to make of it is left to the runtime.
 */
function podOf(parts: ProxyParts, request: Buffer): PodAttributes {
  const pod = readAttributes(request, SANDBOX_CONFIG, SPEC_HANDLER);
  const asked = pod.handler === '' ? (pod.annotations.get(HANDLER_ANNOTATION) ?? '') : pod.handler;
  return { ...pod, handler: exposing(parts, asked) === undefined ? '' : asked };
}

function exposing({ registry }: ProxyParts, handler: string): Backend | undefined {
  return registry.all.find(({ config }) => config.handlers.has(handler));
}

const UNSAID: ImageHome = { kind: 'unsaid' };
