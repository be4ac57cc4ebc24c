// Pod sandbox and container configs as a kubelet writes them, with only what a test names being its own.
import { randomUUID } from 'node:crypto';
import type { ContainerConfig, PodSandboxConfig } from './cri-codec.ts';

/** What a test may say of a pod. Each pod has its own name and UID unless told. */
export interface PodTraits {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly attempt?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `/switchyard` unless told: PodSandboxStats of containerd 1.7 fails on a pod without one. */
  readonly cgroupParent?: string;
  readonly logDirectory?: string;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly privileged?: boolean;
}

// NamespaceMode of the schema. POD is 0; a kubelet asks for a PID namespace for each container unless told.
const NAMESPACE_CONTAINER = 1;
const NAMESPACE_NODE = 2;

/** A pod sandbox config, with the labels that the kubelet gives its pods. */
export function aPodSandboxConfig(traits: PodTraits = {}): PodSandboxConfig {
  const uid = traits.uid ?? randomUUID();
  const name = traits.name ?? `pod-${uid.slice(0, 8)}`;
  const namespace = traits.namespace ?? 'default';
  const mode = (isHost: boolean | undefined) => (isHost === true ? NAMESPACE_NODE : 0);
  return {
    metadata: { name, uid, namespace, attempt: traits.attempt ?? 0 },
    // A pod in the host's network keeps the host's name.
    hostname: traits.hostNetwork === true ? '' : name.slice(0, 63),
    logDirectory: traits.logDirectory ?? '',
    labels: {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': namespace,
      'io.kubernetes.pod.uid': uid,
      ...traits.labels,
    },
    annotations: { ...traits.annotations },
    linux: {
      cgroupParent: traits.cgroupParent ?? '/switchyard',
      securityContext: {
        privileged: traits.privileged ?? false,
        namespaceOptions: {
          network: mode(traits.hostNetwork),
          pid: traits.hostPID === true ? NAMESPACE_NODE : NAMESPACE_CONTAINER,
          ipc: mode(traits.hostIPC),
        },
      },
    },
  };
}

/** What a test may say of a container. */
export interface ContainerTraits {
  readonly name?: string;
  readonly attempt?: number;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Relative to the log directory of its pod; `NAME/ATTEMPT.log` unless told. */
  readonly logPath?: string;
  readonly tty?: boolean;
  readonly stdin?: boolean;
}

/** A container config, with the labels that the kubelet gives its containers. */
export function aContainerConfig(traits: ContainerTraits): ContainerConfig {
  const name = traits.name ?? 'main';
  const attempt = traits.attempt ?? 0;
  return {
    metadata: { name, attempt },
    image: { image: traits.image },
    command: traits.command ?? [],
    args: traits.args ?? [],
    // The field holds bytes since Kubernetes 1.37; on the wire that is the same as the string before.
    envs: Object.entries(traits.env ?? {}).map(([key, value]) => ({ key, value: Buffer.from(value) })),
    labels: { 'io.kubernetes.container.name': name, ...traits.labels },
    annotations: { ...traits.annotations },
    logPath: traits.logPath ?? `${name}/${attempt}.log`,
    stdin: traits.stdin ?? false,
    tty: traits.tty ?? false,
    linux: { resources: {}, securityContext: {} },
  };
}
