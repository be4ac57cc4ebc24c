// The quirk profiles of CRI-O and of Docker behind cri-dockerd.

import type { Profile } from './profile.ts';
import { EVENTS_AND_CHECKPOINT, METRICS, refusal, rpcGaps, SANDBOX_STATS, SINCE_1_33 } from './rpc-gaps.ts';
import { CRIO_UNKNOWN_IDS, DOCKER_UNKNOWN_IDS } from './unknown-ids.ts';

const MIB = 1024 * 1024;

/** CRI-O 1.36, as installed: pod events are off. */
export const CRIO_PROFILE: Profile = {
  name: 'cri-o',
  runtimeName: 'cri-o',
  runtimeVersion: '1.36.0',
  apis: ['v1'],
  messageLimitBytes: 80 * MIB,
  gaps: rpcGaps(['CheckpointPod', 'RestorePod']),
  handlers: ['crun', 'runc'],
  unknownHandler: refusal(
    'UNKNOWN',
    'failed to find runtime handler {name} from runtime list map[{handlers}]',
  ),
  unknownId: CRIO_UNKNOWN_IDS,
  ambiguousId: refusal('NOT_FOUND', 'could not find "{id}": multiple IDs found with provided prefix: {id}'),
  duplicateSandbox: 'existing-id',
  duplicateContainer: refusal('UNKNOWN', 'error reserving ctr name {name} for id {id}: name is reserved'),
  crashesOnTrimmedRequests: false,
  events: { delivery: 'broadcast', enabled: false },
  streamUrl: { base: 'http://127.0.0.1:{port}', prefix: '' },
  sandboxStats: { notReady: 'served', notReadyInList: 'left-out', noCgroupParent: 'served' },
  metricLabels: ['id', 'image', 'namespace', 'pod', 'container', 'cpu'],
  execTimeout: 'exit-code',
  reopenLog: 'served',
  images: {
    idForm: 'bare',
    pullReply: 'id',
    statusRef: 'id',
    missing: refusal(
      'UNKNOWN',
      'unable to pull image or OCI artifact: pull image err: reading manifest of {name}: manifest unknown',
    ),
    notPresent: refusal('UNKNOWN', 'no image "{name}" in local storage: image not known'),
    listFilter: 'single',
    brokenFilter: refusal('UNKNOWN', 'cannot parse input: "{name}": invalid reference format'),
    userInList: true,
    pausePinned: true,
    imageFs: '/var/lib/containers/storage/overlay-images',
    containerFs: '/var/lib/containers/storage/overlay-containers',
    writableLayer: '/var/lib/containers/storage/overlay/{id}/merged',
  },
  status: {
    listsHandlers: true,
    handlerFeatures: true,
    supplementalGroupsPolicy: true,
    deprecationCondition: 'absent',
    cgroupDriver: 'cgroupfs',
    infoKeys: ['config'],
  },
  shows: {
    handlerInStatus: 'never',
    handlerInList: false,
    imageId: true,
    resources: true,
    user: true,
    containersInSandboxStatus: true,
  },
};

/** cri-dockerd 0.4 with Docker 20.10. */
export const CRI_DOCKERD_PROFILE: Profile = {
  name: 'cri-dockerd',
  runtimeName: 'docker',
  runtimeVersion: '20.10.24',
  apis: ['v1'],
  messageLimitBytes: 16 * MIB,
  gaps: rpcGaps(SINCE_1_33, [...SANDBOX_STATS, ...EVENTS_AND_CHECKPOINT, ...METRICS]),
  handlers: ['docker'],
  unknownHandler: refusal('UNKNOWN', 'failed to get sandbox runtime: no runtime for "{name}" is configured'),
  unknownId: DOCKER_UNKNOWN_IDS,
  ambiguousId: refusal(
    'UNKNOWN',
    'Error response from daemon: Multiple IDs found with provided prefix: {id}',
  ),
  duplicateSandbox: refusal(
    'UNKNOWN',
    'failed to create a sandbox for pod "{pod}": Error response from daemon: Conflict. The container name "/k8s_POD_{name}" is already in use by container "{id}".',
  ),
  duplicateContainer: refusal(
    'UNKNOWN',
    'failed to create container: Error response from daemon: Conflict. The container name "/k8s_{name}" is already in use by container "{id}".',
  ),
  crashesOnTrimmedRequests: true,
  events: { delivery: 'broadcast', enabled: false },
  streamUrl: { base: '//127.0.0.1:{port}', prefix: '/cri' },
  sandboxStats: { notReady: 'served', notReadyInList: 'left-out', noCgroupParent: 'served' },
  metricLabels: [],
  execTimeout: refusal('DEADLINE_EXCEEDED', 'command timed out: context deadline exceeded'),
  reopenLog: refusal('UNKNOWN', 'docker does not support reopening container log files'),
  images: {
    idForm: 'sha256',
    pullReply: 'repo-digest',
    statusRef: 'docker-pullable',
    missing: refusal(
      'UNKNOWN',
      'Error response from daemon: manifest for {name} not found: manifest unknown',
    ),
    notPresent: refusal('UNKNOWN', 'Error response from daemon: No such image: {name}'),
    listFilter: 'reference',
    brokenFilter: refusal('UNKNOWN', 'Error response from daemon: syntax error in pattern'),
    userInList: false,
    pausePinned: true,
    imageFs: '/var/lib/docker',
    containerFs: '/var/lib/docker',
    writableLayer: '/var/lib/docker',
  },
  status: {
    listsHandlers: false,
    handlerFeatures: false,
    supplementalGroupsPolicy: undefined,
    deprecationCondition: 'absent',
    cgroupDriver: 'cgroupfs',
    infoKeys: ['config'],
  },
  shows: {
    handlerInStatus: 'resolved',
    handlerInList: false,
    imageId: false,
    resources: false,
    user: false,
    containersInSandboxStatus: false,
  },
};
