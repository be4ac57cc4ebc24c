// A load like a kubelet's on a CRI socket: full lists at an interval, Status, status calls and probes of the pods that
// stay, and pods that come and go, each driven by what the lists show.
import { until } from '../support/until.ts';
import { type CallsOptions, CheckedCalls, type LoadBackend, onlyCriErrors } from './checked-calls.ts';
import { PodWorker, pause } from './pod-worker.ts';

export interface LoadOptions extends CallsOptions {
  /** Pods on each backend that stay, with one container each. */
  readonly stayingPods: number;
  /** Workers for each backend whose pods come and go. */
  readonly workers: number;
  /** From one pair of full lists to the next. */
  readonly listEveryMs: number;
  /** Status calls and probes of pods that stay: from one to the next. */
  readonly probeEveryMs: number;
  /** How long a worker waits after a failure, and leaves a pod as it is. */
  readonly pauseMs: number;
}

/** A pod that stays. */
export interface StayingPod {
  readonly sandboxId: string;
  readonly containerId: string;
  readonly backend: string;
}

/** A kubelet takes a node down when Status fails or hangs for 30 s; it must always answer within this. */
const STATUS_LIMIT_MS = 2_000;
const NODE_EVERY_MS = 250;
const FIRST_PODS_TIMEOUT_MS = 60_000;

export class KubeletLoad {
  readonly calls: CheckedCalls;
  readonly options: LoadOptions;
  staying: readonly StayingPod[] = [];
  private loops: Promise<void>[] = [];
  private isEnding = false;

  constructor(options: LoadOptions) {
    this.options = options;
    this.calls = new CheckedCalls(options);
  }

  /** Makes the pods that stay. */
  async settle(): Promise<void> {
    this.staying = (await Promise.all(this.options.backends.map((backend) => this.settleOn(backend)))).flat();
  }

  /** Makes the pods that stay and starts the load. */
  async start(): Promise<void> {
    const { backends, workers, listEveryMs, probeEveryMs } = this.options;
    await this.settle();
    this.loops = [
      this.every(listEveryMs, () => this.relist()),
      this.every(Math.max(listEveryMs, NODE_EVERY_MS), () => this.askNode()),
      ...backends.map(({ name }) => this.every(probeEveryMs, () => this.probe(name))),
      ...backends.flatMap((backend) => Array.from({ length: workers }, () => this.churn(backend))),
    ];
  }

  /** Ends the load; resolves when its last call has ended. */
  async stop(): Promise<void> {
    this.isEnding = true;
    await Promise.all(this.loops);
  }

  /** The pods that stay are gone with their backend: nobody asks for them any more. */
  forgetStaying(backend: string): void {
    this.staying = this.staying.filter((pod) => pod.backend !== backend);
  }

  /** Makes pods that stay on a backend where they were lost. */
  async restock(backend: string): Promise<void> {
    const found = this.options.backends.find(({ name }) => name === backend);
    if (found === undefined || this.staying.some((pod) => pod.backend === backend)) return;
    this.staying = [...this.staying, ...(await this.settleOn(found))];
  }

  private async settleOn(backend: LoadBackend): Promise<StayingPod[]> {
    const pods: StayingPod[] = [];
    while (pods.length < this.options.stayingPods) {
      const worker = new PodWorker(this.calls, backend);
      await until(() => worker.step('up'), `a pod runs on ${backend.name}`, FIRST_PODS_TIMEOUT_MS);
      const { sandboxId, containerId } = worker;
      pods.push({ sandboxId, containerId, backend: backend.name });
    }
    return pods;
  }

  /** Both lists as the kubelet's relist makes them, and the same again by state. */
  private async relist(): Promise<void> {
    await Promise.all([this.calls.listSandboxes(), this.calls.listContainers()]);
    await Promise.all([this.calls.listSandboxes({ isUp: true }), this.calls.listContainers({ isUp: true })]);
  }

  private async askNode(): Promise<void> {
    const { check } = this.calls;
    const beganMs = performance.now();
    const { status } = await this.calls.call('Status', {});
    const tookMs = performance.now() - beganMs;
    if (tookMs > STATUS_LIMIT_MS) check.wrong(`Status took ${Math.round(tookMs)} ms`);
    for (const type of ['RuntimeReady', 'NetworkReady']) {
      if (status?.conditions.find((condition) => condition.type === type)?.status !== true)
        check.wrong(`Status says that ${type} is not true`);
    }
    await Promise.all([
      this.calls.call('Version', {}),
      this.calls.call('ListImages', {}),
      this.calls.call('ImageFsInfo', {}),
    ]);
  }

  private async probe(backend: string): Promise<void> {
    const here = this.staying.filter((pod) => pod.backend === backend);
    const pod = here[Math.floor(Math.random() * here.length)];
    if (pod === undefined) return;
    const { sandboxId, containerId } = pod;
    await Promise.all([
      this.calls.askStatus('PodSandboxStatus', sandboxId, backend),
      this.calls.askStatus('ContainerStatus', containerId, backend),
      this.calls.ask('ExecSync', containerId, { containerId, cmd: ['echo', 'x'], timeout: 10 }, backend),
    ]);
  }

  private async churn(backend: LoadBackend): Promise<void> {
    const { pauseMs } = this.options;
    while (!this.isEnding) {
      const worker = new PodWorker(this.calls, backend);
      for (const goal of ['up', 'gone'] as const) {
        await worker.persist(goal, pauseMs, () => this.isEnding);
        await pause(pauseMs);
      }
    }
  }

  /** A failed call is an answer too; whether it may be is judged elsewhere. */
  private async every(intervalMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.isEnding) {
      const nextMs = performance.now() + intervalMs;
      await act().catch(onlyCriErrors);
      await pause(nextMs - performance.now());
    }
  }
}
