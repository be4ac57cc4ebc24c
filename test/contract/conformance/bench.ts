// A test's hands: makes pods and containers on one place of a target, makes calls, and clears away after the test.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { status as Code } from '@grpc/grpc-js';
import type { CallOptions, CriClient, RawReply } from '../../support/cri-client.ts';
import { codecOf, type Request, type Response, type Rpc } from '../../support/cri-codec.ts';
import { aContainerConfig, type ContainerTraits, type PodTraits } from '../../support/cri-configs.ts';
import { type Pod, removePods, runPod } from '../../support/cri-pod.ts';
import { until } from '../../support/until.ts';
import type { Place, Target } from './target.ts';

/** An id no runtime has. */
export const NOBODY = 'f'.repeat(64);

/** Another such id each time: that nobody has an id may be remembered for a moment. */
export const nobody = (): string => randomBytes(32).toString('hex');

/** Values of PodSandboxState and ContainerState. */
export const READY = 0;
export const NOT_READY = 1;
export const CREATED = 0;
export const RUNNING = 1;
export const EXITED = 2;

/** A command that runs until it is killed. */
const SERVICE = ['sh', '-c', 'sleep 86400'];

/** What a test may say of a container; the image need not be named. */
export type ContainerWish = Partial<ContainerTraits>;

/** A pod with a container that runs. */
export interface RunningPod extends Pod {
  readonly containerId: string;
}

export class Bench {
  readonly place: Place;
  private readonly of: () => Target;
  private made: Pod[] = [];
  private kept: Promise<RunningPod> | undefined;

  constructor(place: Place, target: () => Target) {
    this.place = place;
    this.of = target;
  }

  get target(): Target {
    return this.of();
  }

  get cri(): Target['cri'] {
    return this.target.cri;
  }

  /** Runs a pod sandbox, gone after the test. */
  async pod(traits: PodTraits & { handler?: string } = {}, cri: CriClient = this.cri): Promise<Pod> {
    const { cgroupParent, logs } = this.target;
    const logDirectory = path.join(logs, `pod-${Math.random().toString(36).slice(2)}`);
    mkdirSync(logDirectory, { recursive: true });
    const pod = await runPod(cri, { cgroupParent, logDirectory, handler: this.place.handler, ...traits });
    this.made.push(pod);
    return pod;
  }

  /** Creates a container in a pod; gives its id. */
  async container(pod: Pod, wish: ContainerWish = {}, cri: CriClient = this.cri): Promise<string> {
    const config = aContainerConfig({ image: this.target.image, command: SERVICE, ...wish });
    const request = { podSandboxId: pod.podSandboxId, config, sandboxConfig: pod.config };
    return (await cri.call('CreateContainer', request)).containerId;
  }

  /** As container(), and starts it. */
  async running(pod: Pod, wish?: ContainerWish, cri: CriClient = this.cri): Promise<string> {
    const containerId = await this.container(pod, wish, cri);
    await cri.call('StartContainer', { containerId });
    return containerId;
  }

  /** A pod with a running container that stays for all tests of the place. They only look at it. */
  shared(): Promise<RunningPod> {
    this.kept ??= (async () => {
      const pod = await this.pod();
      this.made = this.made.filter((made) => made !== pod);
      return { ...pod, containerId: await this.running(pod) };
    })();
    return this.kept;
  }

  /** Makes a call and gives its whole reply, whatever its status. */
  attempt<R extends Rpc>(rpc: R, request: Request<R>, options?: CallOptions): Promise<RawReply> {
    return this.cri.rawCall(this.cri.pathOf(rpc), codecOf(rpc).encode(request), options);
  }

  /** Makes a call and gives the name of its status. */
  async code<R extends Rpc>(rpc: R, request: Request<R>, options?: CallOptions): Promise<string> {
    return Code[(await this.attempt(rpc, request, options)).code];
  }

  /** All messages of a streaming call. */
  async all<R extends Rpc>(rpc: R, request: Request<R>): Promise<Response<R>[]> {
    const messages: Response<R>[] = [];
    for await (const message of this.cri.stream(rpc, request)) messages.push(message);
    return messages;
  }

  lacks(rpc: Rpc): boolean {
    return this.place.traits.lacks.includes(rpc);
  }

  /** Waits for a state that time brings about. */
  eventually(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
    return until(async () => {
      this.target.pass(10);
      return isTrue();
    }, what);
  }

  /** Waits for a call that needs time to pass. */
  async inTime<T>(call: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    call.then(over, over);
    await until(
      () => {
        if (!isOver) this.target.pass(100);
        return isOver;
      },
      'the call ends',
      30_000,
    );
    return call;
  }

  /** A pod sandbox that a test made without `pod`, gone after it too. */
  adopt(podSandboxId: string): void {
    this.made.push({ podSandboxId, config: {}, uid: '' });
  }

  /** Removes what a test has made. */
  async tidy(): Promise<void> {
    const { made } = this;
    this.made = [];
    await removePods(this.cri, made);
  }

  /** Removes also what was kept for all. */
  async clear(): Promise<void> {
    await this.tidy();
    const kept = await this.kept?.catch(() => undefined);
    this.kept = undefined;
    if (kept !== undefined) await removePods(this.cri, [kept]);
  }
}
