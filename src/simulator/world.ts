// The whole state of one simulated runtime: sandboxes, containers, images, events. The only place where state changes.
// Knows nothing of gRPC; the handlers ask it and turn what it says into the runtime's own answers.

import { create, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '../clock.ts';
import {
  type ContainerConfig,
  type ContainerMetadata,
  ContainerState,
} from '../cri/gen/runtime/v1/container_pb.ts';
import { ContainerEventResponseSchema, ContainerEventType } from '../cri/gen/runtime/v1/events_pb.ts';
import {
  type PodSandboxConfig,
  type PodSandboxMetadata,
  PodSandboxState,
} from '../cri/gen/runtime/v1/pod_sandbox_pb.ts';
import { outcomeOf, type Surroundings, trapsTerm } from './command.ts';
import { Container } from './container.ts';
import { EventHub } from './events.ts';
import type { IdSource } from './ids.ts';
import type { Image, ImageSeed } from './image.ts';
import { ImageStore } from './image-store.ts';
import { containerName, NameReservations, sandboxName } from './names.ts';
import { ObjectIndex } from './object-index.ts';
import { startProcess } from './process.ts';
import type { Profile, StatusTraits } from './profile.ts';
import { Sandbox, usesHostNetwork } from './sandbox.ts';
import { seedWorld, type WorldSeed } from './world-seed.ts';

/** What a world needs from outside. */
export interface WorldParts {
  readonly profile: Profile;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly registry: readonly ImageSeed[] | undefined;
  readonly podEvents: boolean;
}

/** Made, or refused because the name is taken. */
export type Creation<T> =
  | { kind: 'created'; object: T }
  | { kind: 'name-taken'; name: string; holderId: string };

/** The state of one runtime. */
export class World {
  readonly profile: Profile;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly sandboxes = new ObjectIndex<Sandbox>();
  readonly containers = new ObjectIndex<Container>();
  readonly images: ImageStore;
  readonly events: EventHub;
  /** What Status says of the runtime and its network; for tests to change. */
  readonly health = { isReady: true, isNetworkReady: true };
  /** The last pod CIDR of UpdateRuntimeConfig. */
  podCidr = '';
  /** What Status and RuntimeConfig say; another one is as good as a runtime that was installed anew. */
  status: StatusTraits;
  /** A v1alpha2 call came since the start; containerd 1.6 and 1.7 warn about it in Status. */
  wasAskedInV1alpha2 = false;
  /** Goes up with each change of a sandbox or container; lists joined at one version stay valid for it. */
  version = 0;
  readonly #names = new NameReservations();
  #lastIp = 1;
  #lastNs = 0n;
  #isQuiet = false;

  constructor(parts: WorldParts) {
    this.profile = parts.profile;
    this.status = parts.profile.status;
    this.clock = parts.clock;
    this.ids = parts.ids;
    this.images = new ImageStore(parts.profile.images, parts.registry);
    this.events = new EventHub(parts.profile.events.delivery, parts.podEvents);
  }

  /** The wall time in nanoseconds; each call gives a later one, so that an order of creation can be read from it. */
  nowNs(): bigint {
    const now = BigInt(Math.round(this.clock.wallMs() * 1000)) * 1000n;
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n;
    return this.#lastNs;
  }

  runSandbox(config: PodSandboxConfig, metadata: PodSandboxMetadata, handler: string): Creation<Sandbox> {
    const id = this.ids.newId();
    const name = sandboxName(metadata);
    const holderId = this.#names.reserve(name, id);
    if (holderId !== undefined) return { kind: 'name-taken', name, holderId };
    const ip = usesHostNetwork(config) ? '' : this.#nextIp();
    const sandbox = new Sandbox({ id, config, metadata, handler, createdAtNs: this.nowNs(), ip });
    this.sandboxes.add(sandbox);
    this.version++;
    this.#publish(ContainerEventType.CONTAINER_CREATED_EVENT, id, sandbox);
    this.#publish(ContainerEventType.CONTAINER_STARTED_EVENT, id, sandbox);
    return { kind: 'created', object: sandbox };
  }

  /** Kills the containers and makes the sandbox not ready. Repeating it changes nothing. */
  stopSandbox(sandbox: Sandbox): void {
    for (const container of this.containersOf(sandbox)) container.process?.kill();
    if (!sandbox.isReady) return;
    sandbox.state = PodSandboxState.SANDBOX_NOTREADY;
    this.version++;
    this.#publish(ContainerEventType.CONTAINER_STOPPED_EVENT, sandbox.id, sandbox);
  }

  removeSandbox(sandbox: Sandbox): void {
    this.stopSandbox(sandbox);
    for (const container of this.containersOf(sandbox)) this.removeContainer(container);
    this.sandboxes.remove(sandbox.id);
    this.#names.release(sandboxName(sandbox.metadata));
    this.version++;
    this.#publish(ContainerEventType.CONTAINER_DELETED_EVENT, sandbox.id, sandbox);
  }

  createContainer(
    sandbox: Sandbox,
    config: ContainerConfig,
    metadata: ContainerMetadata,
    image: Image,
    logDirectory: string,
  ): Creation<Container> {
    const id = this.ids.newId();
    const name = containerName(metadata, sandbox.metadata);
    const holderId = this.#names.reserve(name, id);
    if (holderId !== undefined) return { kind: 'name-taken', name, holderId };
    const logPath = config.logPath === '' || logDirectory === '' ? '' : `${logDirectory}/${config.logPath}`;
    const parts = { id, sandboxId: sandbox.id, config, metadata, image, createdAtNs: this.nowNs(), logPath };
    const container = new Container(parts);
    this.containers.add(container);
    sandbox.containerIds.add(id);
    this.version++;
    this.#publish(ContainerEventType.CONTAINER_CREATED_EVENT, id, sandbox);
    return { kind: 'created', object: container };
  }

  /** Runs the main process of a container that was created. */
  startContainer(container: Container): void {
    const words = [...container.config.command, ...container.config.args];
    container.startedAtNs = this.nowNs();
    container.state = ContainerState.CONTAINER_RUNNING;
    container.process = startProcess(
      this.clock,
      outcomeOf(words, this.surroundings(container)),
      trapsTerm(words),
      (code) => this.exitContainer(container, code),
    );
    this.version++;
    this.#publish(
      ContainerEventType.CONTAINER_STARTED_EVENT,
      container.id,
      this.sandboxes.get(container.sandboxId),
    );
  }

  /** The main process ended, by itself, by a signal, or because a test says so. */
  exitContainer(container: Container, code: number, reason = code === 0 ? 'Completed' : 'Error'): void {
    if (!container.isRunning) return;
    container.end({ code, reason, atNs: this.nowNs() });
    this.version++;
    this.#publish(
      ContainerEventType.CONTAINER_STOPPED_EVENT,
      container.id,
      this.sandboxes.get(container.sandboxId),
    );
  }

  /** Removes a container in any state; a running one is killed first. */
  removeContainer(container: Container): void {
    container.process?.kill();
    const sandbox = this.sandboxes.get(container.sandboxId);
    sandbox?.containerIds.delete(container.id);
    this.containers.remove(container.id);
    if (sandbox !== undefined) this.#names.release(containerName(container.metadata, sandbox.metadata));
    this.version++;
    this.#publish(ContainerEventType.CONTAINER_DELETED_EVENT, container.id, sandbox);
  }

  /** In the order they were created. */
  containersOf(sandbox: Sandbox): Container[] {
    const containers: Container[] = [];
    for (const id of sandbox.containerIds) {
      const container = this.containers.get(id);
      if (container !== undefined) containers.push(container);
    }
    return containers;
  }

  /** What the commands inside a container can see. */
  surroundings(container: Container): Surroundings {
    const sandbox = this.sandboxes.get(container.sandboxId);
    const envs = container.config.envs.map((env) => [env.key, Buffer.from(env.value).toString()] as const);
    return { hostname: sandbox?.config.hostname ?? '', uid: container.uid, envs: new Map(envs) };
  }

  /** Forgets what a runtime keeps in its process alone; pods, containers and images outlive it. */
  forgetProcess(): void {
    this.wasAskedInV1alpha2 = false;
    this.events.dropBacklog();
  }

  /** Fills the world quickly, for load and for tests of long lists. Makes no events. */
  seed(seed: WorldSeed): void {
    this.#isQuiet = true;
    seedWorld(this, seed);
    this.#isQuiet = false;
  }

  #nextIp(): string {
    this.#lastIp++;
    return `10.${88 + ((this.#lastIp >> 16) & 0x3f)}.${(this.#lastIp >> 8) & 0xff}.${this.#lastIp & 0xff}`;
  }

  #publish(type: ContainerEventType, containerId: string, sandbox: Sandbox | undefined): void {
    if (this.#isQuiet || !this.events.isWanted || sandbox === undefined) return;
    const event = create(ContainerEventResponseSchema, {
      containerId,
      containerEventType: type,
      createdAt: this.nowNs(),
      podSandboxStatus: sandbox.status(this.profile),
      containersStatuses: this.containersOf(sandbox).map((container) => container.status(this.profile)),
    });
    this.events.publish(Buffer.from(toBinary(ContainerEventResponseSchema, event)));
  }
}
