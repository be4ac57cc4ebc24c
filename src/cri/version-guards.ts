// What an old runtime would silently ignore and a pod's isolation rests on: one table, and the pure question whether a
// runtime ignores a row. A runtime drops fields it does not know, as protobuf has it, and starts the pod all the same.
// Only what is known of a runtime is held against it: one whose name and Status tell nothing is trusted.
import { type ApiVersion, LAST_V1ALPHA2_FIELDS_MINOR } from './versions.ts';
import {
  forEachAt,
  forEachRecord,
  type Path,
  readBytes,
  readString,
  readStrings,
  readVarint,
} from './wire.ts';

/** A request that makes something, and where in it lies what the guards look at. */
export interface GuardedRequest {
  readonly makes: 'sandbox' | 'container';
  readonly message: Uint8Array;
  /** Of the PodSandboxConfig or ContainerConfig. */
  readonly configPath: Path;
  /** Of the runtime handler; a container has none of its own. */
  readonly handlerPath?: Path;
}

/** A runtime as it presents itself. */
export interface GuardedRuntime {
  readonly apiVersion: ApiVersion;
  readonly runtimeName: string;
  readonly runtimeVersion: string;
}

/** From which release on a runtime obeys; or whether only its Status can tell; or that no release does. */
export type Obedience = `${number}.${number}` | 'when-told' | 'never';

/** A flag of StatusResponse. Handlers have flags of their own; one that has it shows that the runtime knows the field. */
export interface StatusFlag {
  readonly of: 'features' | 'handlers';
  readonly field: number;
}

/** One row. */
export interface VersionGuard {
  readonly name: string;
  /** The field, as CRI writes it. */
  readonly field: string;
  /** The release of Kubernetes whose CRI has it first. */
  readonly since: `1.${number}`;
  /** What a pod asks for with it, to go behind "asks for". */
  readonly asks: string;
  /** What would become of the pod on a runtime that ignores it. */
  readonly harm: string;
  /** Where it is set in a pod's manifest. */
  readonly manifest: string;
  /** By the name that Version gives. */
  readonly obeyed: Readonly<Record<string, Obedience>>;
  /** For runtimes of any other name; absent where nothing can be known of them. */
  readonly others?: 'when-told';
  readonly told?: StatusFlag;
  isAsked(request: GuardedRequest): boolean;
}

/** NamespaceMode. */
const NODE = 2;
/** SecurityProfile.ProfileType. */
const UNCONFINED = 1;
const LOCALHOST = 2;

/**
 * All rows. Not here: what an ignoring runtime makes stricter (masked_paths, NamespaceMode TARGET), or refuses by itself
 * (idmapped mounts on containerd 1.7), or what costs function and no isolation (image_sub_path, CDI_devices).
 * Where a release is named, its sources were read, and those of the release before, which lack the field.
 */
export const VERSION_GUARDS: readonly VersionGuard[] = [
  {
    name: 'runtime-handler',
    field: 'RunPodSandboxRequest.runtime_handler',
    since: '1.12',
    asks: 'a runtime handler',
    harm: 'it would run under the default one',
    manifest: 'runtimeClassName',
    // cri-dockerd refuses a handler it lacks.
    obeyed: { containerd: '1.2', 'cri-o': '1.12' },
    isAsked: ({ message, handlerPath }) =>
      handlerPath !== undefined && (readString(message, 0, message.length, handlerPath) ?? '') !== '',
  },
  {
    name: 'user-namespace',
    field: 'NamespaceOption.userns_options',
    since: '1.25',
    asks: 'a user namespace of its own',
    harm: 'its root user would be root of the node',
    manifest: 'hostUsers: false',
    // No cri-dockerd reads it; those that report handlers say false.
    obeyed: { containerd: '1.7', 'cri-o': '1.25', docker: 'when-told' },
    told: { of: 'handlers', field: 2 },
    isAsked: (request) => {
      const options = [...security(request), request.makes === 'sandbox' ? 1 : 3, 5];
      return hasMessage(request, options) && number(request, [...options, 1]) !== NODE;
    },
  },
  {
    name: 'seccomp-profile',
    field: 'LinuxContainerSecurityContext.seccomp',
    since: '1.20',
    asks: 'a seccomp profile',
    harm: 'it would run without one, all system calls allowed',
    manifest: 'securityContext.seccompProfile',
    // Before, both know the deprecated seccomp_profile_path alone, and take an empty one for no profile. cri-dockerd
    // reads the field from 0.3.5 on, but its Version gives the release of Docker.
    obeyed: { containerd: '1.5', 'cri-o': '1.21' },
    // A kubelet asks for RuntimeDefault for every sandbox, which is of the pause process alone: of no weight.
    isAsked: (request) => {
      if (request.makes !== 'container') return false;
      const context = security(request);
      const profile = [...context, 15];
      return (
        hasMessage(request, profile) &&
        number(request, [...profile, 1]) !== UNCONFINED &&
        text(request, [...context, 10]) === '' &&
        // Privileged containers have no profile on any runtime.
        number(request, [...context, 2]) === 0
      );
    },
  },
  {
    name: 'apparmor-profile',
    field: 'LinuxContainerSecurityContext.apparmor',
    since: '1.20',
    asks: 'an AppArmor profile of its own',
    harm: 'it would run under the default one',
    manifest: 'securityContext.appArmorProfile',
    // Before, they know the deprecated apparmor_profile alone; so does every cri-dockerd.
    obeyed: { containerd: '1.5', 'cri-o': '1.30', docker: 'never' },
    // RuntimeDefault is what they take when nothing is said.
    isAsked: (request) => {
      if (request.makes !== 'container') return false;
      const context = security(request);
      return number(request, [...context, 16, 1]) >= LOCALHOST && text(request, [...context, 9]) === '';
    },
  },
  {
    name: 'supplemental-groups-policy',
    field: 'supplemental_groups_policy',
    since: '1.31',
    asks: 'no groups but its own',
    harm: 'its processes would be in the groups that the image lists too',
    manifest: 'securityContext.supplementalGroupsPolicy: Strict',
    // The flag came with the field: who does not set it does not obey.
    obeyed: { containerd: '2.0', 'cri-o': '1.31' },
    others: 'when-told',
    told: { of: 'features', field: 1 },
    isAsked: (request) => number(request, [...security(request), request.makes === 'sandbox' ? 11 : 17]) > 0,
  },
  {
    name: 'recursive-read-only-mount',
    field: 'Mount.recursive_read_only',
    since: '1.30',
    asks: 'a mount that is read-only with all below it',
    harm: 'what is mounted below could be written',
    manifest: 'volumeMounts.recursiveReadOnly',
    // The flag came with the field.
    obeyed: { containerd: '2.0', 'cri-o': '1.30' },
    others: 'when-told',
    told: { of: 'handlers', field: 1 },
    isAsked: (request) =>
      hasMount(request, (message, start, end) => (readVarint(message, start, end, [8]) ?? 0) !== 0),
  },
  {
    name: 'mount-options',
    field: 'Mount.mount_options',
    since: '1.37',
    asks: 'options of a mount, such as noexec',
    harm: 'the mount would lack them',
    manifest: 'the options of its volume mounts',
    // The flag came with the field, and no release that has either is known yet.
    obeyed: {},
    others: 'when-told',
    told: { of: 'features', field: 3 },
    isAsked: (request) =>
      hasMount(request, (message, start, end) => readStrings(message, start, end, [11]).length > 0),
  },
];

/** What is known of a runtime and a row. */
export type Knowledge = 'obeys' | 'ignores' | 'status-tells' | 'unknown';

/** Whether a runtime obeys a row, as far as its Version tells. Releases in between (rc, beta) count as the release. */
export function knowledgeOf(guard: VersionGuard, runtime: GuardedRuntime): Knowledge {
  if (runtime.apiVersion === 'v1alpha2' && minorOf(guard.since) > LAST_V1ALPHA2_FIELDS_MINOR)
    return 'ignores';
  const obedience = guard.obeyed[runtime.runtimeName] ?? guard.others;
  if (obedience === undefined) return 'unknown';
  if (obedience === 'never') return 'ignores';
  if (obedience === 'when-told') return 'status-tells';
  const release = /^v?(\d+)\.(\d+)/.exec(runtime.runtimeVersion);
  if (release === null) return guard.told === undefined ? 'unknown' : 'status-tells';
  const [major = 0, minor = 0] = obedience.split('.').map(Number);
  const ahead = Number(release[1]) - major || Number(release[2]) - minor;
  return ahead >= 0 ? 'obeys' : 'ignores';
}

/** Whether a StatusResponse sets the flag. */
export function tells(status: Uint8Array, { of, field }: StatusFlag): boolean {
  if (of === 'features') return (readVarint(status, 0, status.length, [4, field]) ?? 0) !== 0;
  let isSet = false;
  forEachRecord(status, 0, status.length, 3, (_, start, end) => {
    isSet ||= (readVarint(status, start, end, [2, field]) ?? 0) !== 0;
  });
  return isSet;
}

function minorOf(release: string): number {
  return Number(release.split('.')[1]);
}

/** Of the LinuxSandboxSecurityContext or LinuxContainerSecurityContext. */
function security({ makes, configPath }: GuardedRequest): Path {
  return [...configPath, makes === 'sandbox' ? 8 : 15, 2];
}

function number({ message }: GuardedRequest, path: Path): number {
  return readVarint(message, 0, message.length, path) ?? 0;
}

function text({ message }: GuardedRequest, path: Path): string {
  return readString(message, 0, message.length, path) ?? '';
}

function hasMessage({ message }: GuardedRequest, path: Path): boolean {
  return readBytes(message, 0, message.length, path) !== undefined;
}

/** Whether a mount of the container fits. */
function hasMount(
  { makes, message, configPath }: GuardedRequest,
  fits: (message: Uint8Array, start: number, end: number) => boolean,
): boolean {
  let isFound = false;
  if (makes === 'sandbox') return isFound;
  forEachAt(message, 0, message.length, [...configPath, MOUNTS], (_, start, end) => {
    isFound ||= fits(message, start, end);
  });
  return isFound;
}

/** In a ContainerConfig. */
const MOUNTS = 7;
