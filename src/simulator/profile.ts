// What a quirk profile is made of. The profiles themselves are rows of facts in quirks.ts and unknown-ids.ts.

import type { StatusName } from '../errors.ts';

/** Names a profile can have. `reference` serves every RPC of the API and has no quirk of its own. */
export const PROFILE_NAMES = [
  'containerd-1.4',
  'containerd-1.6',
  'containerd-1.7',
  'containerd-2.1',
  'cri-o',
  'cri-dockerd',
  'reference',
] as const;

/** One of the runtimes the simulator can play. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** The two packages the services are known under. */
export type ServedVersion = 'v1' | 'v1alpha2';

/** A refusal: the status and its text, where `{id}` or `{name}` stands for what the client sent. */
export interface Refusal {
  readonly status: StatusName;
  readonly text: string;
}

/** RPCs that name one sandbox or container. */
export type IdRpc =
  | 'StopPodSandbox'
  | 'RemovePodSandbox'
  | 'PodSandboxStatus'
  | 'PodSandboxStats'
  | 'PortForward'
  | 'UpdatePodSandboxResources'
  | 'CheckpointPod'
  | 'CreateContainer'
  | 'StartContainer'
  | 'StopContainer'
  | 'RemoveContainer'
  | 'ContainerStatus'
  | 'UpdateContainerResources'
  | 'ReopenContainerLog'
  | 'ExecSync'
  | 'Exec'
  | 'Attach'
  | 'ContainerStats'
  | 'CheckpointContainer';

/**
 * What each RPC answers for an id the runtime does not hold: a refusal, or `ok`, an empty reply as if the
 * thing were done (a URL, in the case of PortForward).
 */
export type UnknownIdAnswers = Readonly<Record<IdRpc, Refusal | 'ok'>>;

/** Which RPCs lack, and in which way. All others are served. */
export interface RpcGaps {
  /** Not in the API the runtime was built with: UNIMPLEMENTED, "unknown method". */
  readonly unknown: readonly string[];
  /** In that API, but without code behind it: UNIMPLEMENTED, "method X not implemented". */
  readonly unimplemented: readonly string[];
}

/** Who gets the events of GetContainerEvents, and what happens to those that nobody waits for. */
export type EventDelivery =
  /** One queue; each event goes to one subscriber; the first subscriber gets what was queued before. */
  | 'shared-queue'
  /** Each event goes to all subscribers; the first one gets what was queued before. */
  | 'broadcast-with-backlog'
  /** Each event goes to all subscribers; without any it is dropped. The stream ends at once when disabled. */
  | 'broadcast';

/** One runtime, as facts. */
export interface Profile {
  readonly name: ProfileName;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly apis: readonly ServedVersion[];
  /** Limit of one message, both ways. */
  readonly messageLimitBytes: number;
  readonly gaps: RpcGaps;
  /** Known runtime handlers besides the empty name, unless the caller names others. */
  readonly handlers: readonly string[];
  readonly unknownHandler: Refusal;
  readonly unknownId: UnknownIdAnswers;
  /** A prefix that fits several ids. Where unknown ids are `ok` for Stop and Remove, `toleratesAmbiguous` may say so too. */
  readonly ambiguousId: Refusal;
  /** The same pod name, namespace, UID and attempt again: refused, or answered with the id that holds it. */
  readonly duplicateSandbox: Refusal | 'existing-id';
  readonly duplicateContainer: Refusal;
  /** RunPodSandbox without a config, and UpdateContainerResources without Linux values, end the process. */
  readonly crashesOnTrimmedRequests: boolean;
  readonly events: { readonly delivery: EventDelivery; readonly enabled: boolean };
  readonly streamUrl: { readonly base: string; readonly prefix: string };
  readonly sandboxStats: SandboxStatsTraits;
  /** Keys of the labels of each metric, in the runtime's own order; none where it has no metrics. */
  readonly metricLabels: readonly string[];
  readonly execTimeout: Refusal | 'exit-code';
  readonly reopenLog: Refusal | 'served';
  readonly images: ImageTraits;
  readonly status: StatusTraits;
  /** How the runtime's own records show what it was asked for. */
  readonly shows: ShownFields;
}

/** When stats of a sandbox are refused. */
export interface SandboxStatsTraits {
  /** Asked for a sandbox that is stopped. */
  readonly notReady: Refusal | 'served';
  /** A list of all, without a filter, while there is such a sandbox. An empty filter is one. */
  readonly notReadyInList: Refusal | 'left-out';
  /** The pod's config names no cgroup parent. A list with such a pod in it is refused whole. */
  readonly noCgroupParent: Refusal | 'served';
}

/** How a runtime names and finds images. */
export interface ImageTraits {
  /** Image.id: with or without the name of the digest. */
  readonly idForm: 'sha256' | 'bare';
  readonly pullReply: 'id' | 'repo-digest';
  /** ContainerStatus.image_ref. */
  readonly statusRef: 'id' | 'repo-digest' | 'docker-pullable';
  readonly missing: Refusal;
  /** CreateContainer with an image that is not there. */
  readonly notPresent: Refusal;
  /** What becomes of the filter of ListImages: nothing; one image is looked up; a pattern of Docker's for its names. */
  readonly listFilter: 'ignored' | 'single' | 'reference';
  /** A filter that is no reference, or no pattern. */
  readonly brokenFilter: Refusal | 'finds-nothing';
  /** docker's list lacks the user of an image; only ImageStatus has it. */
  readonly userInList: boolean;
  readonly pausePinned: boolean;
  readonly imageFs: string;
  /** ImageFsInfo.container_filesystems is filled. */
  readonly containerFs: string | undefined;
  /** In statistics, where the writable layer of a container lies; `{id}` stands for its id. */
  readonly writableLayer: string;
}

/** What Status and RuntimeConfig carry. */
export interface StatusTraits {
  readonly listsHandlers: boolean;
  readonly handlerFeatures: boolean;
  readonly supplementalGroupsPolicy: boolean | undefined;
  /** containerd's third condition; `turns-false` when one v1alpha2 call makes it false until a restart. */
  readonly deprecationCondition: 'absent' | 'true' | 'turns-false';
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly infoKeys: readonly string[];
}

/** Fields that some runtimes leave empty. */
export interface ShownFields {
  readonly handlerInStatus: 'as-asked' | 'never' | 'resolved';
  readonly handlerInList: boolean;
  readonly imageId: boolean;
  readonly resources: boolean;
  readonly user: boolean;
  /** PodSandboxStatus carries containers_statuses and timestamp while events are enabled. */
  readonly containersInSandboxStatus: boolean;
}
