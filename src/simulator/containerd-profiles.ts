// The quirk profiles of containerd, release by release, and of the reference runtime that shares its manners.

import type { ImageTraits, Profile, ServedVersion } from './profile.ts';
import {
  EVENTS_AND_CHECKPOINT,
  METRICS,
  NOT_IN_V1ALPHA2,
  refusal,
  rpcGaps,
  SANDBOX_STATS,
  SINCE_1_33,
} from './rpc-gaps.ts';
import { CONTAINERD_OLD_UNKNOWN_IDS, CONTAINERD_UNKNOWN_IDS } from './unknown-ids.ts';

const containerdImages: ImageTraits = {
  idForm: 'sha256',
  pullReply: 'id',
  statusRef: 'repo-digest',
  missing: refusal(
    'NOT_FOUND',
    'failed to pull and unpack image "{name}": failed to resolve reference "{name}": {name}: not found',
  ),
  notPresent: refusal('NOT_FOUND', 'failed to resolve image "{name}": not found'),
  listFilter: 'ignored',
  brokenFilter: 'finds-nothing',
  userInList: true,
  pausePinned: false,
  imageFs: '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs',
  containerFs: undefined,
  writableLayer: '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs',
};

const NOT_READY = 'failed to get pod sandbox stats since sandbox container "{id}" is not in ready state';

export const containerd = {
  runtimeName: 'containerd',
  messageLimitBytes: 16 * 1024 * 1024,
  handlers: ['runc'],
  unknownHandler: refusal('UNKNOWN', 'failed to get sandbox runtime: no runtime for "{name}" is configured'),
  unknownId: CONTAINERD_UNKNOWN_IDS,
  ambiguousId: refusal('UNKNOWN', 'Multiple IDs found with provided prefix: {id}'),
  duplicateSandbox: refusal(
    'UNKNOWN',
    'failed to reserve sandbox name "{name}": name "{name}" is reserved for "{id}"',
  ),
  duplicateContainer: refusal(
    'UNKNOWN',
    'failed to reserve container name "{name}": name "{name}" is reserved for "{id}"',
  ),
  crashesOnTrimmedRequests: false,
  events: { delivery: 'shared-queue', enabled: true },
  streamUrl: { base: 'http://127.0.0.1:{port}', prefix: '' },
  sandboxStats: {
    notReady: refusal('UNAVAILABLE', `failed to decode pod sandbox metrics {id}: ${NOT_READY}: unavailable`),
    notReadyInList: 'left-out',
    noCgroupParent: 'served',
  },
  metricLabels: ['pod', 'namespace', 'container', 'id', 'image'],
  execTimeout: refusal(
    'DEADLINE_EXCEEDED',
    'failed to exec in container: timeout {seconds}s exceeded: context deadline exceeded',
  ),
  reopenLog: 'served',
  images: containerdImages,
} as const;

const containerdStatus = {
  listsHandlers: false,
  handlerFeatures: false,
  supplementalGroupsPolicy: undefined,
  deprecationCondition: 'turns-false',
  cgroupDriver: 'cgroupfs',
  infoKeys: ['config', 'golang', 'cniconfig', 'lastCNILoadStatus', 'lastCNILoadStatus.default'],
} as const;

const containerdShows = {
  handlerInStatus: 'as-asked',
  handlerInList: true,
  imageId: false,
  resources: false,
  user: false,
  containersInSandboxStatus: false,
} as const;

const both: readonly ServedVersion[] = ['v1', 'v1alpha2'];
/** containerd 1.4 to 2.1. */
export const CONTAINERD_PROFILES = {
  'containerd-1.4': {
    ...containerd,
    name: 'containerd-1.4',
    runtimeVersion: '1.4.13',
    apis: ['v1alpha2'],
    gaps: rpcGaps([...SANDBOX_STATS, ...NOT_IN_V1ALPHA2]),
    unknownId: CONTAINERD_OLD_UNKNOWN_IDS,
    status: { ...containerdStatus, deprecationCondition: 'absent' },
    shows: containerdShows,
  },
  'containerd-1.6': {
    ...containerd,
    name: 'containerd-1.6',
    runtimeVersion: '1.6.20',
    unknownId: CONTAINERD_OLD_UNKNOWN_IDS,
    apis: both,
    gaps: rpcGaps([...METRICS, 'RuntimeConfig', ...SINCE_1_33], EVENTS_AND_CHECKPOINT),
    sandboxStats: {
      ...containerd.sandboxStats,
      notReady: refusal('UNKNOWN', `failed to decode pod sandbox metrics {id}: ${NOT_READY}`),
      notReadyInList: refusal(
        'UNKNOWN',
        `failed to decode sandbox container metrics for sandbox "{id}": ${NOT_READY}`,
      ),
    },
    status: { ...containerdStatus, deprecationCondition: 'absent' },
    shows: containerdShows,
  },
  'containerd-1.7': {
    ...containerd,
    name: 'containerd-1.7',
    runtimeVersion: '1.7.24',
    apis: both,
    gaps: rpcGaps(['RuntimeConfig', ...SINCE_1_33], ['CheckpointContainer', ...METRICS]),
    images: { ...containerdImages, pausePinned: true },
    sandboxStats: {
      ...containerd.sandboxStats,
      noCgroupParent: refusal(
        'UNKNOWN',
        'failed to decode sandbox container metrics for sandbox "{id}": failed getting metrics for sandbox {id}: failed to get cgroup metrics for sandbox {id} because cgroupPath is empty',
      ),
    },
    status: containerdStatus,
    shows: { ...containerdShows, resources: true },
  },
  'containerd-2.1': {
    ...containerd,
    name: 'containerd-2.1',
    runtimeVersion: 'v2.1.9',
    apis: ['v1'],
    gaps: rpcGaps(SINCE_1_33, METRICS),
    duplicateSandbox: { ...containerd.duplicateSandbox, status: 'FAILED_PRECONDITION' },
    duplicateContainer: { ...containerd.duplicateContainer, status: 'FAILED_PRECONDITION' },
    unknownHandler: refusal(
      'UNKNOWN',
      'unable to get OCI runtime for sandbox: no runtime for "{name}" is configured',
    ),
    events: { delivery: 'broadcast-with-backlog', enabled: true },
    images: { ...containerdImages, pausePinned: true },
    status: {
      ...containerdStatus,
      listsHandlers: true,
      handlerFeatures: true,
      supplementalGroupsPolicy: true,
      deprecationCondition: 'true',
    },
    shows: { ...containerdShows, imageId: true, resources: true, user: true },
  },
} as const satisfies Record<string, Profile>;

/** Serves all 43 RPCs; otherwise as a well-behaved containerd. */
export const REFERENCE_PROFILE: Profile = {
  ...containerd,
  name: 'reference',
  runtimeName: 'simulated',
  runtimeVersion: '1.37.0',
  apis: both,
  // As the API says.
  images: { ...containerdImages, listFilter: 'single' },
  gaps: rpcGaps([]),
  events: { delivery: 'broadcast', enabled: true },
  sandboxStats: { notReady: 'served', notReadyInList: 'left-out', noCgroupParent: 'served' },
  status: {
    ...containerdStatus,
    listsHandlers: true,
    handlerFeatures: true,
    supplementalGroupsPolicy: true,
    deprecationCondition: 'absent',
  },
  shows: {
    handlerInStatus: 'as-asked',
    handlerInList: true,
    imageId: true,
    resources: true,
    user: true,
    containersInSandboxStatus: true,
  },
};
