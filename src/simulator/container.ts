// A container of the simulated world, and how it shows itself in lists and status replies.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ContainerConfig,
  type ContainerMetadata,
  ContainerSchema,
  ContainerState,
  type ContainerStatusSchema,
} from '../cri/gen/runtime/v1/container_pb.ts';
import type { LinuxContainerResources } from '../cri/gen/runtime/v1/resources_pb.ts';
import type { Image } from './image.ts';
import type { Process } from './process.ts';
import type { Profile } from './profile.ts';
import { encodeElement } from './record.ts';

/** What a new container is made of. */
export interface ContainerParts {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly metadata: ContainerMetadata;
  readonly image: Image;
  readonly createdAtNs: bigint;
  /** The sandbox's log directory and the container's own path, joined. */
  readonly logPath: string;
}

/** How a container ended. */
export interface ContainerExit {
  readonly code: number;
  /** Completed, Error, OOMKilled: as runtimes write it. */
  readonly reason: string;
  readonly atNs: bigint;
}

/** One container. Its state changes only through the world. */
export class Container {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  readonly metadata: ContainerMetadata;
  readonly image: Image;
  readonly createdAtNs: bigint;
  readonly logPath: string;
  startedAtNs = 0n;
  /** Resolves when the main process has ended. */
  readonly exited: Promise<void>;
  /** The main process while the container runs. */
  process: Process | undefined;
  resources: LinuxContainerResources | undefined;
  /** How often ReopenContainerLog was answered. */
  logReopens = 0;
  #exit: ContainerExit | undefined;
  #onExit: () => void = () => undefined;
  #state: ContainerState = ContainerState.CONTAINER_CREATED;
  #element: Buffer | undefined;

  constructor(parts: ContainerParts) {
    this.id = parts.id;
    this.sandboxId = parts.sandboxId;
    this.config = parts.config;
    this.metadata = parts.metadata;
    this.image = parts.image;
    this.createdAtNs = parts.createdAtNs;
    this.logPath = parts.logPath;
    this.resources = parts.config.linux?.resources;
    this.exited = new Promise((resolve) => {
      this.#onExit = resolve;
    });
  }

  /** How it ended; undefined before that. */
  get exit(): ContainerExit | undefined {
    return this.#exit;
  }

  /** The main process is gone. */
  end(exit: ContainerExit): void {
    this.process = undefined;
    this.#exit = exit;
    this.state = ContainerState.CONTAINER_EXITED;
    this.#onExit();
  }

  get state(): ContainerState {
    return this.#state;
  }

  set state(state: ContainerState) {
    this.#state = state;
    this.#element = undefined;
  }

  get isRunning(): boolean {
    return this.#state === ContainerState.CONTAINER_RUNNING;
  }

  /** The state's name, as runtimes put it into their texts. */
  get stateName(): string {
    return Object.keys(ContainerState)[this.#state] ?? 'CONTAINER_UNKNOWN';
  }

  /** The user of the main process: the config's, else the image's, else root. */
  get uid(): bigint {
    return this.config.linux?.securityContext?.runAsUser?.value ?? this.image.uid ?? 0n;
  }

  /** The element of ListContainers, encoded; made once for each state. */
  element(profile: Profile): Buffer {
    this.#element ??= encodeElement(ContainerSchema, {
      id: this.id,
      podSandboxId: this.sandboxId,
      metadata: this.metadata,
      image: this.config.image ?? {},
      imageRef: this.image.id(profile.images),
      imageId: profile.shows.imageId ? this.image.id(profile.images) : '',
      state: this.#state,
      createdAt: this.createdAtNs,
      labels: this.config.labels,
      annotations: this.config.annotations,
    });
    return this.#element;
  }

  /** The status of ContainerStatus and of events. */
  status(profile: Profile): MessageInitShape<typeof ContainerStatusSchema> {
    const { shows, images } = profile;
    const status: MessageInitShape<typeof ContainerStatusSchema> = {
      id: this.id,
      metadata: this.metadata,
      state: this.#state,
      createdAt: this.createdAtNs,
      startedAt: this.startedAtNs,
      finishedAt: this.exit?.atNs ?? 0n,
      exitCode: this.exit?.code ?? 0,
      // Any tag of the image may stand here, not the one the client used.
      image: { image: this.image.tags[0] ?? this.config.image?.image ?? '' },
      imageRef: this.image.statusRef(images),
      reason: this.exit?.reason ?? '',
      labels: this.config.labels,
      annotations: this.config.annotations,
      mounts: this.config.mounts,
      logPath: this.logPath,
    };
    if (shows.imageId) status.imageId = this.image.id(images);
    if (shows.resources && this.resources !== undefined) status.resources = { linux: this.resources };
    if (shows.user) status.user = { linux: { uid: this.uid, gid: this.uid, supplementalGroups: [] } };
    return status;
  }
}
