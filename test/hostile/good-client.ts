// A well-behaved client during an attack: calls of four kinds all the time, a stream of events, and pods that come and go,
// each of which the stream must tell of. Every call must succeed.
import { CriClient } from '../support/cri-client.ts';
import { removePods, runPod } from '../support/cri-pod.ts';
import { type EventListener, listenToEvents } from '../support/event-listener.ts';
import { until } from '../support/until.ts';
import { pause } from './attack-connection.ts';

/** Far more than a call takes; under an attack it may wait for its turn. */
const DEADLINE_MS = 10_000;
const PAUSE_MS = 5;

export class GoodClient implements AsyncDisposable {
  /** What went wrong, each in a line. */
  readonly failures: string[] = [];
  calls = 0;
  slowestMs = 0;
  private readonly socket: string;
  private readonly cri: CriClient;
  private readonly events: EventListener;
  private readonly containerId: string;
  private readonly pods: string[] = [];
  private loops: Promise<void>[] = [];
  private isOver = false;

  private constructor(socket: string, containerId: string) {
    this.socket = socket;
    this.cri = new CriClient(socket);
    this.containerId = containerId;
    this.events = listenToEvents(this.cri);
  }

  /** Connects; calls of every kind have succeeded when this resolves. */
  static async start(socket: string, containerId: string): Promise<GoodClient> {
    const client = new GoodClient(socket, containerId);
    for (const step of client.steps()) await step();
    client.loops = client.steps().map((step) => client.repeat(step));
    return client;
  }

  /** Ends the calls; resolves when the last one is answered and every pod was told of. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
    const missing = () => this.pods.filter((id) => !this.events.of(id).includes('started'));
    await until(() => missing().length === 0, 'the events of all pods came').catch(async () => {
      const end = await Promise.race([this.events.ended, pause(0)]);
      const why = end === undefined ? 'its stream goes on' : `its stream ended ${end.code}: ${end.details}`;
      this.failures.push(`no event of ${missing().length} of ${this.pods.length} pods; ${why}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true;
    this.events.leave();
    await Promise.all(this.loops);
    this.cri.close();
  }

  private steps(): (() => Promise<void>)[] {
    return [
      () => this.time('Version', () => this.cri.call('Version', {}, { deadlineMs: DEADLINE_MS })),
      () =>
        this.time('ListPodSandbox', () => this.cri.call('ListPodSandbox', {}, { deadlineMs: DEADLINE_MS })),
      () =>
        this.time('ContainerStatus', () =>
          this.cri.call('ContainerStatus', { containerId: this.containerId }, { deadlineMs: DEADLINE_MS }),
        ),
      () => this.time('Version on a new connection', () => this.callAnew()),
      () =>
        this.time('the life of a pod', async () => {
          const pod = await runPod(this.cri);
          this.pods.push(pod.podSandboxId);
          await removePods(this.cri, [pod]);
        }),
    ];
  }

  private async callAnew(): Promise<void> {
    using cri = new CriClient(this.socket);
    await cri.call('Version', {}, { deadlineMs: DEADLINE_MS });
  }

  private async repeat(step: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      await step();
      await pause(PAUSE_MS);
    }
  }

  private async time(what: string, call: () => Promise<unknown>): Promise<void> {
    const beganMs = performance.now();
    await call().catch((error: unknown) => this.failures.push(`${what}: ${String(error)}`));
    this.calls++;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - beganMs);
  }
}
