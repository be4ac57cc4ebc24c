// What routing may know of a pod, read from the bytes of its RunPodSandbox (or RestorePod) request without decoding it.
import { type Path, readMap, readString, readVarint } from '../cri/wire.ts';

/** What rules can match. All of it is there for every pod; what a pod lacks is empty or false. */
export interface PodAttributes {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** The runtime handler it asks for; '' means none in particular. */
  readonly handler: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** The kubelet says so when one container of the pod is. */
  readonly privileged: boolean;
  readonly hostNetwork: boolean;
  readonly hostPID: boolean;
  readonly hostIPC: boolean;
}

/** A pod of which nothing is known. */
export const NO_POD: PodAttributes = {
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

/** NamespaceMode of runtime.v1: the namespace of the node. 0 is POD, so an absent field is no host namespace. */
const NODE = 2;

/**
 * Reads the attributes from the PodSandboxConfig at `configPath` and the handler at `handlerPath` of `request`.
 * Throws MalformedMessageError on bytes that do not parse.
 */
export function readAttributes(request: Uint8Array, configPath: Path, handlerPath: Path): PodAttributes {
  const end = request.length;
  // PodSandboxConfig: metadata 1 {name 1, uid 2, namespace 3}, labels 6, annotations 7, linux 8 > security_context 2
  // {namespace_options 1 {network 1, pid 2, ipc 3}, privileged 6}.
  const text = (...path: number[]) => readString(request, 0, end, [...configPath, ...path]) ?? '';
  const number = (...path: number[]) => readVarint(request, 0, end, [...configPath, 8, 2, ...path]) ?? 0;
  return {
    name: text(1, 1),
    namespace: text(1, 3),
    uid: text(1, 2),
    handler: readString(request, 0, end, handlerPath) ?? '',
    labels: readMap(request, 0, end, [...configPath, 6]),
    annotations: readMap(request, 0, end, [...configPath, 7]),
    privileged: number(6) !== 0,
    hostNetwork: number(1, 1) === NODE,
    hostPID: number(1, 2) === NODE,
    hostIPC: number(1, 3) === NODE,
  };
}
