// What clients see of each runtime where runtimes differ: measured on real ones. The simulator plays these, and is held
// to this table like any other server.
import type { Rpc } from '../../support/cri-codec.ts';

/** The name of a gRPC status. */
export type Code =
  | 'OK'
  | 'UNKNOWN'
  | 'NOT_FOUND'
  | 'DEADLINE_EXCEEDED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED';

/** The RPCs that name one pod sandbox or container. */
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

/** One runtime, as its clients see it. */
export interface Traits {
  readonly runtimeName: string;
  /** RPCs that are UNIMPLEMENTED. */
  readonly lacks: readonly Rpc[];
  /** What an id that it does not have gets. */
  readonly unknownId: Readonly<Record<IdRpc, Code>>;
  readonly unknownHandler: Code;
  /** RunPodSandbox with the names and the attempt of a pod sandbox that is there. */
  readonly samePodAgain: Code;
  /** CreateContainer with the name and the attempt of a container that is there. */
  readonly sameContainerAgain: Code;
  /** Whether PodSandboxStatus tells the runtime handler. */
  readonly showsHandler: boolean;
  /** An ExecSync that takes longer than its timeout: refused, or OK with exit code -1. */
  readonly lateExec: 'DEADLINE_EXCEEDED' | 'exit code -1';
  readonly reopensLogs: boolean;
  /** Whether it can make checkpoints: its machine has CRIU. */
  readonly hasCriu: boolean;
  /** How a streaming URL begins. */
  readonly url: RegExp;
  /** Image.id. */
  readonly imageId: RegExp;
  /** PullImageResponse.image_ref. */
  readonly pulledRef: RegExp;
  /** ContainerStatus.image_ref. */
  readonly usedRef: RegExp;
  /** PullImage of what no registry has. */
  readonly missingImage: Code;
  /** CreateContainer with an image that is not there. */
  readonly absentImage: Code;
  /** Whether ListImages keeps to its filter. */
  readonly filtersImages: boolean;
  /** ListImages with a filter that is no reference of an image. */
  readonly brokenFilter: Code;
  readonly hasContainerFs: boolean;
  /** Whether it names in statistics a directory that each container has to itself, instead of one of its ImageFsInfo. */
  readonly namesOwnDirectory: boolean;
  /** Whether Status lists runtime handlers and features. */
  readonly listsHandlers: boolean;
  /** A list of the statistics of all pods, asked for without a filter, while a pod is stopped. */
  readonly statsBesideStopped: Code;
  /** Whether its pods are among the metrics, where any are served. */
  readonly hasMetrics: boolean;
  /** Where GetContainerEvents is served: events, or an end at once because they are off. */
  readonly events: 'served' | 'off';
}

export type RuntimeKind =
  | 'containerd-1.4'
  | 'containerd-1.6'
  | 'containerd-1.7'
  | 'containerd-2.1'
  | 'cri-o'
  | 'cri-dockerd'
  | 'reference';

const STREAM_LISTS: readonly Rpc[] = [
  'StreamPodSandboxes',
  'StreamContainers',
  'StreamContainerStats',
  'StreamPodSandboxStats',
  'StreamPodSandboxMetrics',
  'StreamImages',
];
const METRICS: readonly Rpc[] = ['ListMetricDescriptors', 'ListPodSandboxMetrics'];
const POD_STATS: readonly Rpc[] = ['PodSandboxStats', 'ListPodSandboxStats'];
const SINCE_1_33: readonly Rpc[] = [
  'UpdatePodSandboxResources',
  'CheckpointPod',
  'RestorePod',
  ...STREAM_LISTS,
];

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const REPO_DIGEST = /^\S+@sha256:[0-9a-f]{64}$/;
const BARE = /^[0-9a-f]{64}$/;

/** Stop and Remove are content with an id that is gone; all else is NOT_FOUND. */
export const UNKNOWN_IDS_BY_THE_BOOK: Traits['unknownId'] = {
  StopPodSandbox: 'OK',
  RemovePodSandbox: 'OK',
  PodSandboxStatus: 'NOT_FOUND',
  PodSandboxStats: 'NOT_FOUND',
  PortForward: 'NOT_FOUND',
  UpdatePodSandboxResources: 'NOT_FOUND',
  CheckpointPod: 'NOT_FOUND',
  CreateContainer: 'NOT_FOUND',
  StartContainer: 'NOT_FOUND',
  StopContainer: 'OK',
  RemoveContainer: 'OK',
  ContainerStatus: 'NOT_FOUND',
  UpdateContainerResources: 'NOT_FOUND',
  ReopenContainerLog: 'NOT_FOUND',
  ExecSync: 'NOT_FOUND',
  Exec: 'NOT_FOUND',
  Attach: 'NOT_FOUND',
  ContainerStats: 'NOT_FOUND',
  CheckpointContainer: 'NOT_FOUND',
};
const OLD_CONTAINERD_UNKNOWN_IDS: Traits['unknownId'] = {
  ...UNKNOWN_IDS_BY_THE_BOOK,
  StopPodSandbox: 'NOT_FOUND',
  StopContainer: 'NOT_FOUND',
};

const containerd: Traits = {
  runtimeName: 'containerd',
  lacks: [],
  unknownId: UNKNOWN_IDS_BY_THE_BOOK,
  unknownHandler: 'UNKNOWN',
  samePodAgain: 'UNKNOWN',
  sameContainerAgain: 'UNKNOWN',
  showsHandler: true,
  lateExec: 'DEADLINE_EXCEEDED',
  reopensLogs: true,
  hasCriu: true,
  url: /^http:\/\/127\.0\.0\.1:\d+\//,
  imageId: SHA256,
  pulledRef: SHA256,
  // An image that was imported has no digest of a repository.
  usedRef: /^(\S+@)?sha256:[0-9a-f]{64}$/,
  missingImage: 'NOT_FOUND',
  absentImage: 'NOT_FOUND',
  filtersImages: false,
  brokenFilter: 'OK',
  hasContainerFs: false,
  namesOwnDirectory: false,
  listsHandlers: false,
  statsBesideStopped: 'OK',
  hasMetrics: false,
  events: 'served',
};

/** The runtimes that are known. */
export const TRAITS: Readonly<Record<RuntimeKind, Traits>> = {
  'containerd-1.4': {
    ...containerd,
    lacks: [
      ...POD_STATS,
      ...METRICS,
      ...SINCE_1_33,
      'RuntimeConfig',
      'GetContainerEvents',
      'CheckpointContainer',
    ],
    unknownId: OLD_CONTAINERD_UNKNOWN_IDS,
  },
  'containerd-1.6': {
    ...containerd,
    lacks: [...METRICS, ...SINCE_1_33, 'RuntimeConfig', 'GetContainerEvents', 'CheckpointContainer'],
    unknownId: OLD_CONTAINERD_UNKNOWN_IDS,
    statsBesideStopped: 'UNKNOWN',
  },
  'containerd-1.7': {
    ...containerd,
    lacks: [...METRICS, ...SINCE_1_33, 'RuntimeConfig', 'CheckpointContainer'],
  },
  'containerd-2.1': {
    ...containerd,
    lacks: [...METRICS, ...SINCE_1_33],
    samePodAgain: 'FAILED_PRECONDITION',
    sameContainerAgain: 'FAILED_PRECONDITION',
    listsHandlers: true,
  },
  'cri-o': {
    ...containerd,
    runtimeName: 'cri-o',
    lacks: ['CheckpointPod', 'RestorePod'],
    unknownId: {
      ...UNKNOWN_IDS_BY_THE_BOOK,
      PodSandboxStats: 'UNKNOWN',
      PortForward: 'OK',
      UpdatePodSandboxResources: 'UNKNOWN',
      CreateContainer: 'UNKNOWN',
      UpdateContainerResources: 'UNKNOWN',
      ReopenContainerLog: 'UNKNOWN',
      Exec: 'UNKNOWN',
      Attach: 'UNKNOWN',
      ContainerStats: 'UNKNOWN',
    },
    samePodAgain: 'OK',
    showsHandler: false,
    lateExec: 'exit code -1',
    imageId: BARE,
    pulledRef: BARE,
    usedRef: BARE,
    missingImage: 'UNKNOWN',
    absentImage: 'UNKNOWN',
    filtersImages: true,
    brokenFilter: 'UNKNOWN',
    hasContainerFs: true,
    namesOwnDirectory: true,
    listsHandlers: true,
    hasMetrics: true,
    events: 'off',
  },
  'cri-dockerd': {
    ...containerd,
    runtimeName: 'docker',
    lacks: [...POD_STATS, ...METRICS, ...SINCE_1_33, 'GetContainerEvents', 'CheckpointContainer'],
    unknownId: {
      ...(Object.fromEntries(
        Object.keys(UNKNOWN_IDS_BY_THE_BOOK).map((rpc) => [rpc, 'UNKNOWN']),
      ) as unknown as Traits['unknownId']),
      StopPodSandbox: 'OK',
      RemovePodSandbox: 'OK',
      StopContainer: 'NOT_FOUND',
    },
    reopensLogs: false,
    url: /^\/\/127\.0\.0\.1:\d+\/cri\//,
    pulledRef: REPO_DIGEST,
    usedRef: /^docker-pullable:\/\/\S+@sha256:[0-9a-f]{64}$/,
    missingImage: 'UNKNOWN',
    absentImage: 'UNKNOWN',
    filtersImages: true,
    hasContainerFs: true,
  },
  // Where runtimes differ it does as the API says.
  reference: {
    ...containerd,
    runtimeName: 'simulated',
    filtersImages: true,
    listsHandlers: true,
    hasMetrics: true,
  },
};
