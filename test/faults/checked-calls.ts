// Calls as a kubelet makes them: each is kept on record, and its answer held against what is known to be true.
import { status as code } from '@grpc/grpc-js';
import { type CriClient, CriError } from '../support/cri-client.ts';
import type { ContainerConfig, PodSandboxConfig, Request, Response, Rpc } from '../support/cri-codec.ts';
import { aContainerConfig, aPodSandboxConfig } from '../support/cri-configs.ts';
import { AnswerCheck, type Entry, type Scope } from './answer-check.ts';
import { CallRecord } from './call-record.ts';

/** A backend as the load knows it. */
export interface LoadBackend {
  readonly name: string;
  /** The runtime handler by which its pods ask for it. */
  readonly handler: string;
}

export interface CallsOptions {
  readonly cri: CriClient;
  readonly backends: readonly LoadBackend[];
  /** What the containers run. */
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly cgroupParent?: string;
  /** Of every call; default 15 s. */
  readonly deadlineMs?: number;
}

export type Sandbox = Response<'ListPodSandbox'>['items'][number];
export type Container = Response<'ListContainers'>['containers'][number];

const POD_UID = 'io.kubernetes.pod.uid';
// States of the schema.
const READY = 0;
const NOT_READY = 1;
const CREATED = 0;
const RUNNING = 1;
const EXITED = 2;

export class CheckedCalls {
  readonly check: AnswerCheck;
  readonly record = new CallRecord();
  readonly options: CallsOptions;

  constructor(options: CallsOptions) {
    this.options = options;
    this.check = new AnswerCheck(options.backends.map(({ name }) => name));
  }

  /**
   * Makes a call and keeps record of it, under `name` if that is given; `backend` is the one that must serve it. Throws
   * CriError.
   */
  async call<R extends Rpc>(
    rpc: R,
    request: Request<R>,
    backend?: string,
    name: string = rpc,
  ): Promise<Response<R>> {
    const deadlineMs = this.options.deadlineMs ?? 15_000;
    const beganMs = performance.now();
    const end = this.record.begin(name, backend);
    try {
      const response = await this.options.cri.call(rpc, request, { deadlineMs });
      end(true);
      return response;
    } catch (error) {
      end(false);
      // To the kubelet a probe that ends so has failed; only the caller's own deadline may say it.
      const isEarly = performance.now() - beganMs < deadlineMs - 500;
      if (error instanceof CriError && error.code === code.DEADLINE_EXCEEDED && isEarly)
        this.check.wrong(`${rpc} ends DEADLINE_EXCEEDED before its deadline: ${error.details}`);
      throw error;
    }
  }

  /** A call about one object, which only its backend can answer. */
  async ask<R extends Rpc>(rpc: R, id: string, request: Request<R>, backend: string): Promise<Response<R>> {
    const beganMs = performance.now();
    try {
      const response = await this.call(rpc, request, backend);
      this.check.reached(id, beganMs);
      return response;
    } catch (error) {
      if (error instanceof CriError && error.code === code.NOT_FOUND) this.check.denied(rpc, id);
      throw error;
    }
  }

  /** PodSandboxStatus or ContainerStatus, held against what is known; an absent backend's last word may answer. */
  async askStatus(rpc: 'PodSandboxStatus' | 'ContainerStatus', id: string, backend: string): Promise<void> {
    const beganMs = performance.now();
    const isUp = async () => {
      if (rpc === 'PodSandboxStatus') {
        const { status } = await this.call(rpc, { podSandboxId: id }, backend);
        return status?.id === id ? isReady(status) : undefined;
      }
      const { status } = await this.call(rpc, { containerId: id }, backend);
      return status?.id === id ? isRunning(status) : undefined;
    };
    try {
      const shown = await isUp();
      if (shown === undefined) this.check.wrong(`${rpc} names another object`);
      else this.check.showed(id, shown, beganMs);
    } catch (error) {
      if (error instanceof CriError && error.code === code.NOT_FOUND) this.check.denied(rpc, id);
      throw error;
    }
  }

  /** ListPodSandbox, held against what is known. */
  async listSandboxes(scope: Scope = {}): Promise<Sandbox[]> {
    const beganMs = performance.now();
    const filter = {
      ...(scope.uid !== undefined && { labelSelector: { [POD_UID]: scope.uid } }),
      ...(scope.isUp !== undefined && { state: { state: scope.isUp ? READY : NOT_READY } }),
    };
    const name = scope.uid === undefined ? 'ListPodSandbox' : 'ListPodSandbox of a pod';
    const { items } = await this.call('ListPodSandbox', { filter }, undefined, name);
    this.check.listed('sandbox', items.map(sandboxEntry), scope, beganMs);
    return items;
  }

  /** ListContainers, held against what is known. */
  async listContainers(scope: Scope = {}): Promise<Container[]> {
    const beganMs = performance.now();
    const filter = {
      ...(scope.uid !== undefined && { labelSelector: { [POD_UID]: scope.uid } }),
      ...(scope.isUp !== undefined && { state: { state: scope.isUp ? RUNNING : EXITED } }),
    };
    const name = scope.uid === undefined ? 'ListContainers' : 'ListContainers of a pod';
    const { containers } = await this.call('ListContainers', { filter }, undefined, name);
    this.check.listed('container', containers.map(containerEntry), scope, beganMs);
    return containers;
  }

  sandboxConfig(uid: string, attempt: number): PodSandboxConfig {
    const { cgroupParent } = this.options;
    return aPodSandboxConfig({ uid, attempt, ...(cgroupParent !== undefined && { cgroupParent }) });
  }

  containerConfig(uid: string, attempt: number): ContainerConfig {
    const { image, command, args } = this.options;
    return aContainerConfig({
      image,
      attempt,
      labels: { [POD_UID]: uid },
      ...(command !== undefined && { command }),
      ...(args !== undefined && { args }),
    });
  }
}

/** A failed call is no fault of the load; anything else is. */
export function onlyCriErrors(error: unknown): void {
  if (!(error instanceof CriError)) throw error;
}

export function isReady({ state }: Pick<Sandbox, 'state'>): boolean {
  return state === READY;
}

export function isRunning({ state }: Pick<Container, 'state'>): boolean {
  return state === RUNNING;
}

export function isCreated({ state }: Container): boolean {
  return state === CREATED;
}

function sandboxEntry(sandbox: Sandbox): Entry {
  const uid = sandbox.labels[POD_UID] ?? '';
  return { id: sandbox.id, uid, parent: uid, isUp: isReady(sandbox) };
}

function containerEntry(container: Container): Entry {
  const { id, podSandboxId, labels } = container;
  return { id, uid: labels[POD_UID] ?? '', parent: podSandboxId, isUp: isRunning(container) };
}
