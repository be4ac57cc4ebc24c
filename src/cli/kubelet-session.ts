// Plays what a kubelet does, in short, through Switchyard's own socket, and then asks each backend on its own socket
// what it really holds: so the result does not rest on Switchyard's word.
import type { Config } from '../config/config.ts';
import { ImageService } from '../cri/gen/runtime/v1/image_service_pb.ts';
import { RuntimeService } from '../cri/gen/runtime/v1/runtime_service_pb.ts';
import type { PodAttributes } from '../routing/attributes.ts';
import { decide } from '../routing/decide.ts';
import { type Explanation, explain } from '../routing/explain.ts';
import { CriClient, describeStatus, statusOf } from './cri-client.ts';
import { kubeletLabels } from './pod-attributes.ts';
import { SESSION_PODS, type SessionPod } from './session-pods.ts';
import { SESSION } from './text.ts';

/** What became of one pod. */
export interface PodOutcome {
  readonly pod: SessionPod;
  /** What the rules say of it, told by the same config. */
  readonly explanation: Explanation;
  /** Names of the backends that show a sandbox of this pod on their own sockets. */
  readonly foundOn: readonly string[];
  /** Why the pod does not run, in the words of the status. */
  readonly failure: string | undefined;
  readonly isExpected: boolean;
}

/** One thing that must hold after the session. */
export interface Finding {
  readonly text: string;
  readonly holds: boolean;
}

/** All that the session brought. */
export interface SessionReport {
  readonly outcomes: readonly PodOutcome[];
  readonly findings: readonly Finding[];
}

/** Objects that a socket shows: pod UID to sandbox ids, and all container ids. */
interface Inventory {
  readonly sandboxIdsByUid: ReadonlyMap<string, readonly string[]>;
  readonly sandboxIds: readonly string[];
  readonly containerIds: readonly string[];
}

const IMAGE = 'registry.example/demo:1';
const FAILED_PRECONDITION = 9;

/** Plays the session on a Switchyard whose backends are all there. Rejects only when Switchyard does not answer at all. */
export async function playSession(socket: string, config: Config): Promise<SessionReport> {
  using kubelet = new CriClient(socket);
  const version = await kubelet.call(RuntimeService.method.version, {});
  const status = await kubelet.call(RuntimeService.method.status, {});
  const isReady = status.status?.conditions.every((condition) => condition.status) ?? false;

  const failures = new Map<SessionPod, string>();
  const refused = new Set<SessionPod>();
  for (const pod of SESSION_PODS) {
    try {
      await runPod(kubelet, pod);
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined) throw error;
      failures.set(pod, describeStatus(status));
      if (status.code === FAILED_PRECONDITION) refused.add(pod);
    }
  }

  const merged = await takeInventory(kubelet);
  const byBackend = new Map<string, Inventory>();
  for (const backend of config.backends) {
    using direct = new CriClient(backend.socket);
    byBackend.set(backend.name, await takeInventory(direct));
  }
  const outcomes = SESSION_PODS.map((pod): PodOutcome => {
    const foundOn = [...byBackend]
      .filter(([, inventory]) => inventory.sandboxIdsByUid.has(pod.uid))
      .map(([name]) => name);
    const isExpected =
      pod.expected === undefined
        ? foundOn.length === 0 && refused.has(pod)
        : foundOn.length === 1 && foundOn[0] === pod.expected && !failures.has(pod);
    const attributes = attributesOf(pod);
    return {
      pod,
      explanation: explain(config, attributes, decide(config, attributes)),
      foundOn,
      failure: failures.get(pod),
      isExpected,
    };
  });
  const direct = [...byBackend.values()];
  const expectedPods = SESSION_PODS.filter((pod) => pod.expected !== undefined).length;
  return {
    outcomes,
    findings: [
      { text: SESSION.answers(version.runtimeName, version.runtimeVersion), holds: isReady },
      {
        text: SESSION.pods(merged.sandboxIds.length, expectedPods),
        holds:
          merged.sandboxIds.length === expectedPods &&
          isSameSet(
            merged.sandboxIds,
            direct.flatMap((inventory) => inventory.sandboxIds),
          ),
      },
      {
        text: SESSION.containers(merged.containerIds.length, expectedPods),
        holds:
          merged.containerIds.length === expectedPods &&
          isSameSet(
            merged.containerIds,
            direct.flatMap((inventory) => inventory.containerIds),
          ),
      },
    ],
  };
}

/** What the rules see of a session pod. */
function attributesOf(pod: SessionPod): PodAttributes {
  return {
    name: pod.name,
    namespace: pod.namespace,
    uid: pod.uid,
    handler: pod.handler,
    labels: kubeletLabels(pod),
    annotations: pod.annotations,
    privileged: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
  };
}

/** Sandbox, image, container, start: in the kubelet's order and with its names. */
async function runPod(kubelet: CriClient, pod: SessionPod): Promise<void> {
  const sandboxConfig = {
    metadata: { name: pod.name, namespace: pod.namespace, uid: pod.uid, attempt: 0 },
    hostname: pod.name,
    logDirectory: `/var/log/pods/${pod.namespace}_${pod.name}_${pod.uid}`,
    labels: Object.fromEntries(kubeletLabels(pod)),
    annotations: Object.fromEntries(pod.annotations),
    linux: { cgroupParent: `/kubepods/pod${pod.uid}`, securityContext: { namespaceOptions: {} } },
  };
  const { podSandboxId } = await kubelet.call(RuntimeService.method.runPodSandbox, {
    config: sandboxConfig,
    runtimeHandler: pod.handler,
  });
  const image = { image: IMAGE, userSpecifiedImage: IMAGE, runtimeHandler: pod.handler };
  const { imageRef } = await kubelet.call(ImageService.method.pullImage, { image, sandboxConfig });
  const { containerId } = await kubelet.call(RuntimeService.method.createContainer, {
    podSandboxId,
    sandboxConfig,
    config: {
      metadata: { name: 'main', attempt: 0 },
      image: { ...image, image: imageRef },
      labels: { ...Object.fromEntries(kubeletLabels(pod)), 'io.kubernetes.container.name': 'main' },
      logPath: 'main/0.log',
      linux: {},
    },
  });
  await kubelet.call(RuntimeService.method.startContainer, { containerId });
}

async function takeInventory(client: CriClient): Promise<Inventory> {
  const { items } = await client.call(RuntimeService.method.listPodSandbox, {});
  const { containers } = await client.call(RuntimeService.method.listContainers, {});
  const sandboxIdsByUid = new Map<string, string[]>();
  for (const { id, metadata } of items) {
    const uid = metadata?.uid ?? '';
    sandboxIdsByUid.set(uid, [...(sandboxIdsByUid.get(uid) ?? []), id]);
  }
  return {
    sandboxIdsByUid,
    sandboxIds: items.map((sandbox) => sandbox.id),
    containerIds: containers.map((container) => container.id),
  };
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === one.length;
}
