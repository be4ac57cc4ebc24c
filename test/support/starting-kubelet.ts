// A kubelet that starts pods, call by call as the real one does (kuberuntime_manager.go SyncPod, image_manager.go
// EnsureImageExists, helpers.go getImageUser): all that a container's image and user come from. A failed start is tried
// again from its beginning. Its waits are shorter: a real one waits 10 to 15 s before it tries again.
import { setTimeout as pause } from 'node:timers/promises';
import { CriClient, CriError } from './cri-client.ts';
import type { PodSandboxConfig, Response } from './cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from './cri-configs.ts';
import { stamped } from './image-world.ts';

type SecurityContext = { runAsUser?: { value: number }; runAsUsername?: string };

export interface PodToStart {
  readonly name: string;
  readonly handler: string;
  /** As the pod names it; the kubelet adds the missing tag in all look-ups but the last. */
  readonly image: string;
  readonly pullPolicy: 'IfNotPresent' | 'Always';
  /** The pod's own runAsUser. */
  readonly runAsUser?: number;
  /** Beside those that the kubelet puts on it. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A pod under this kubelet. */
export interface RunningPod extends PodToStart {
  podSandboxId: string;
  containerId: string;
  /** Of the container; goes up with each that is started. */
  attempt: number;
  /** Tries that failed, over all its containers, by what was said. */
  readonly failures: string[];
  config: PodSandboxConfig;
}

export interface KubeletTraits {
  /** Longest pause between two calls of one pod. */
  readonly thinkMs: number;
  /** The pause before another try: from half of it to all of it. */
  readonly backOffMs: number;
  /** Tries before a start is given up as hopeless. */
  readonly tries: number;
  /** Since 1.28 a container's config carries the image's name beside its id. */
  readonly sendsName: boolean;
  /** Since 1.29 the size of an image is looked up when its pull has ended. */
  readonly asksForSize: boolean;
}

/** Connected twice, as a kubelet: for the runtime and for images. */
export class StartingKubelet implements Disposable {
  private readonly runtime: CriClient;
  private readonly images: CriClient;
  private readonly traits: KubeletTraits;
  private readonly random: () => number;
  private stamps = 0;

  /** `random` gives numbers from 0 to 1. */
  constructor(socket: string, traits: KubeletTraits, random: () => number) {
    this.runtime = new CriClient(socket);
    this.images = new CriClient(socket);
    this.traits = traits;
    this.random = random;
  }

  /** Runs a sandbox for the pod and starts its container, however often that must be tried. */
  async start(pod: PodToStart): Promise<RunningPod> {
    const running = await this.runSandbox(pod);
    await this.startContainer(running);
    return running;
  }

  /** Starts the next container of a pod whose last one has ended. */
  async restartContainer(pod: RunningPod): Promise<void> {
    pod.attempt++;
    await this.startContainer(pod);
  }

  /** Runs a sandbox for a pod whose container never comes (a ConfigMap is missing), and tries again until `stop`. */
  async startInVain(pod: PodToStart, stop: AbortSignal): Promise<void> {
    const running = await this.runSandbox(pod);
    while (!stop.aborted) {
      await this.ensureImage(running);
      await pause(this.traits.backOffMs * this.random());
    }
  }

  /** The kubelet itself is started anew: it sees all pods for the first time, and stamps them so. */
  stampAnew(pods: readonly RunningPod[]): void {
    for (const pod of pods) pod.config = { ...pod.config, annotations: this.stamp(pod) };
  }

  [Symbol.dispose](): void {
    this.runtime.close();
    this.images.close();
  }

  private async runSandbox(pod: PodToStart): Promise<RunningPod> {
    const config = aPodSandboxConfig({ name: pod.name, annotations: this.stamp(pod) });
    const { podSandboxId } = await this.runtime.call('RunPodSandbox', {
      config,
      runtimeHandler: pod.handler,
    });
    return { ...pod, podSandboxId, containerId: '', attempt: 0, failures: [], config };
  }

  private stamp({ annotations }: PodToStart): Record<string, string> {
    this.stamps++;
    return stamped(String(this.stamps), annotations);
  }

  private async startContainer(pod: RunningPod): Promise<void> {
    const { tries, backOffMs } = this.traits;
    for (let failed = 0; failed < tries; failed++) {
      try {
        await this.tryToStart(pod);
        return;
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        pod.failures.push(`${error.message}`);
      }
      await pause(backOffMs * (0.5 + this.random() / 2));
    }
    throw new Error(`pod ${pod.name} does not start:\n${pod.failures.join('\n')}`);
  }

  private async tryToStart(pod: RunningPod): Promise<void> {
    const { podSandboxId, config, attempt, image } = pod;
    const ref = await this.ensureImage(pod);
    await this.think();
    const user = securityContextOf((await this.images.call('ImageStatus', { image: { image } })).image, pod);
    await this.think();
    const { containerId } = await this.runtime.call('CreateContainer', {
      podSandboxId,
      config: {
        ...aContainerConfig({ image: ref, attempt }),
        image: { image: ref, userSpecifiedImage: this.traits.sendsName ? image : '' },
        linux: { resources: {}, securityContext: user },
      },
      sandboxConfig: config,
    });
    await this.runtime.call('StartContainer', { containerId });
    pod.containerId = containerId;
  }

  /** The reference by which the container is to be made. */
  private async ensureImage({ image, pullPolicy, config }: RunningPod): Promise<string> {
    const spec = { image: withTag(image), annotations: config.annotations };
    if (pullPolicy === 'IfNotPresent') {
      const present = (await this.images.call('ImageStatus', { image: spec })).image;
      if (present !== null) return present.id;
    }
    const { imageRef } = await this.images.call('PullImage', { image: spec, sandboxConfig: config });
    if (this.traits.asksForSize) await this.images.call('ImageStatus', { image: spec });
    return imageRef;
  }

  private async think(): Promise<void> {
    await pause(this.random() * this.traits.thinkMs);
  }
}

/** The pod's own user, else that of the image: its number, else its name, else root, also where no image was found. */
function securityContextOf(
  image: Response<'ImageStatus'>['image'],
  { runAsUser }: PodToStart,
): SecurityContext {
  if (runAsUser !== undefined) return { runAsUser: { value: runAsUser } };
  if (image?.uid) return { runAsUser: { value: image.uid.value } };
  if (image?.username) return { runAsUsername: image.username };
  return { runAsUser: { value: 0 } };
}

function withTag(image: string): string {
  return image.includes(':', image.lastIndexOf('/')) ? image : `${image}:latest`;
}
