// The pod that `explain` asks about: put together from flags and a manifest, as the kubelet would put it.
import { isNamespace, isPodName } from '../config/name-checks.ts';
import type { PodAttributes } from '../routing/attributes.ts';
import type { KeyValue } from './flags.ts';
import type { ManifestPod } from './manifests.ts';
import { EXPLAIN } from './text.ts';

/** What flags say of a pod. They win over the manifest; switches only add. */
export interface PodFlags {
  readonly handler: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly uid: string | undefined;
  readonly annotation: readonly KeyValue[] | undefined;
  readonly label: readonly KeyValue[] | undefined;
  readonly privileged: boolean | undefined;
  readonly hostNetwork: boolean | undefined;
  readonly hostPid: boolean | undefined;
  readonly hostIpc: boolean | undefined;
}

/** The pod, and what had to be assumed because only the cluster knows it, or cannot be. */
export interface DescribedPod {
  readonly pod: PodAttributes;
  readonly assumptions: readonly string[];
}

/** What the kubelet would send for the pod that flags and manifest describe. */
export function describePod(flags: PodFlags, manifest: ManifestPod | undefined): DescribedPod {
  const identity = {
    name: flags.name ?? manifest?.name ?? 'pod',
    namespace: flags.namespace ?? manifest?.namespace ?? 'default',
    uid: flags.uid ?? manifest?.uid ?? '',
  };
  const className = manifest?.runtimeClassName ?? '';
  return {
    pod: {
      ...identity,
      handler: flags.handler ?? className,
      labels: new Map([...(manifest?.labels ?? []), ...(flags.label ?? []), ...kubeletLabels(identity)]),
      annotations: new Map([...(manifest?.annotations ?? []), ...(flags.annotation ?? [])]),
      privileged: (flags.privileged ?? manifest?.privileged) === true,
      hostNetwork: (flags.hostNetwork ?? manifest?.hostNetwork) === true,
      hostPID: (flags.hostPid ?? manifest?.hostPID) === true,
      hostIPC: (flags.hostIpc ?? manifest?.hostIPC) === true,
    },
    assumptions: [
      ...(className !== '' && flags.handler === undefined ? [EXPLAIN.handlerIsClassName(className)] : []),
      ...(isNamespace(identity.namespace) ? [] : [EXPLAIN.noNamespace(identity.namespace)]),
      ...(isPodName(identity.name) ? [] : [EXPLAIN.noPodName(identity.name)]),
    ],
  };
}

/**
 * Labels that the kubelet puts on every pod sandbox, over the pod's own of the same names, so that rules may match
 * them like any other (kubelet, pkg/kubelet/kuberuntime/labels.go).
 */
export function kubeletLabels(pod: {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}): Map<string, string> {
  return new Map([
    ['io.kubernetes.pod.name', pod.name],
    ['io.kubernetes.pod.namespace', pod.namespace],
    ['io.kubernetes.pod.uid', pod.uid],
  ]);
}
