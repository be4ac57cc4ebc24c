// Groups of RPCs that runtimes lack together, by the age of the API they were built with.

import type { Refusal, RpcGaps } from './profile.ts';

const STREAM_LISTS = [
  'StreamPodSandboxes',
  'StreamContainers',
  'StreamContainerStats',
  'StreamPodSandboxStats',
  'StreamPodSandboxMetrics',
  'StreamImages',
];
/** RPCs younger than the API of containerd 2.1 and cri-dockerd 0.4. */
export const SINCE_1_33 = ['UpdatePodSandboxResources', ...STREAM_LISTS, 'CheckpointPod', 'RestorePod'];
export const METRICS = ['ListMetricDescriptors', 'ListPodSandboxMetrics'];
export const SANDBOX_STATS = ['PodSandboxStats', 'ListPodSandboxStats'];
export const EVENTS_AND_CHECKPOINT = ['GetContainerEvents', 'CheckpointContainer'];

/** RPCs that runtime.v1alpha2 never had, whatever the runtime. */
export const NOT_IN_V1ALPHA2: ReadonlySet<string> = new Set([
  ...EVENTS_AND_CHECKPOINT,
  ...METRICS,
  'RuntimeConfig',
  ...SINCE_1_33,
]);

/** Short form of a row's gaps: RPCs outside its API, and RPCs without code behind them. */
export function rpcGaps(unknown: readonly string[], unimplemented: readonly string[] = []): RpcGaps {
  return { unknown, unimplemented };
}

/** Short form of a refusal. */
export function refusal(status: Refusal['status'], text: string): Refusal {
  return { status, text };
}
