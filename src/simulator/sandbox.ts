// A pod sandbox of the simulated world, and how it shows itself in lists and status replies.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { NamespaceMode } from '../cri/gen/runtime/v1/namespaces_pb.ts';
import {
  type PodSandboxConfig,
  type PodSandboxMetadata,
  PodSandboxSchema,
  PodSandboxState,
  type PodSandboxStatusSchema,
} from '../cri/gen/runtime/v1/pod_sandbox_pb.ts';
import type { LinuxContainerResources } from '../cri/gen/runtime/v1/resources_pb.ts';
import type { Profile } from './profile.ts';
import { encodeElement } from './record.ts';

/** What a new sandbox is made of. */
export interface SandboxParts {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly metadata: PodSandboxMetadata;
  /** As the client asked for it. */
  readonly handler: string;
  readonly createdAtNs: bigint;
  /** Empty in the host's network. */
  readonly ip: string;
}

/** True when the pod lives in the host's network and so has no address of its own. */
export function usesHostNetwork(config: PodSandboxConfig): boolean {
  return config.linux?.securityContext?.namespaceOptions?.network === NamespaceMode.NODE;
}

/** One pod sandbox. Its state changes only through the world. */
export class Sandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly metadata: PodSandboxMetadata;
  readonly handler: string;
  readonly createdAtNs: bigint;
  readonly ip: string;
  readonly containerIds = new Set<string>();
  /** As UpdatePodSandboxResources left them. */
  resources: LinuxContainerResources | undefined;
  #state: PodSandboxState = PodSandboxState.SANDBOX_READY;
  #element: Buffer | undefined;

  constructor(parts: SandboxParts) {
    this.id = parts.id;
    this.config = parts.config;
    this.metadata = parts.metadata;
    this.handler = parts.handler;
    this.createdAtNs = parts.createdAtNs;
    this.ip = parts.ip;
    this.resources = parts.config.linux?.resources;
  }

  get state(): PodSandboxState {
    return this.#state;
  }

  set state(state: PodSandboxState) {
    this.#state = state;
    this.#element = undefined;
  }

  get isReady(): boolean {
    return this.#state === PodSandboxState.SANDBOX_READY;
  }

  /** The element of ListPodSandbox, encoded; made once for each state. */
  element(profile: Profile): Buffer {
    this.#element ??= encodeElement(PodSandboxSchema, {
      id: this.id,
      metadata: this.metadata,
      state: this.#state,
      createdAt: this.createdAtNs,
      labels: this.config.labels,
      annotations: this.config.annotations,
      runtimeHandler: profile.shows.handlerInList ? this.handler : '',
    });
    return this.#element;
  }

  /** The status of PodSandboxStatus and of events. */
  status(profile: Profile): MessageInitShape<typeof PodSandboxStatusSchema> {
    const options = this.config.linux?.securityContext?.namespaceOptions;
    return {
      id: this.id,
      metadata: this.metadata,
      state: this.#state,
      createdAt: this.createdAtNs,
      network: { ip: this.isReady ? this.ip : '' },
      linux: { namespaces: options === undefined ? {} : { options } },
      labels: this.config.labels,
      annotations: this.config.annotations,
      runtimeHandler: this.#shownHandler(profile),
    };
  }

  #shownHandler(profile: Profile): string {
    switch (profile.shows.handlerInStatus) {
      case 'as-asked':
        return this.handler;
      case 'never':
        return '';
      case 'resolved':
        // Docker reports the engine's own runtime, whatever name the pod asked for.
        return this.handler === '' ? 'runc' : this.handler;
      default:
        return profile.shows.handlerInStatus satisfies never;
    }
  }
}
