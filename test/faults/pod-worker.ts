// One pod as the kubelet's pod worker drives it: look at what is there, do the next thing, and after any failure begin
// with looking again.
import { randomUUID } from 'node:crypto';
import {
  type CheckedCalls,
  type Container,
  isCreated,
  isReady,
  isRunning,
  type LoadBackend,
  onlyCriErrors,
  type Sandbox,
} from './checked-calls.ts';

export class PodWorker {
  /** Of the pod's sandbox and container, once it is up. */
  sandboxId = '';
  containerId = '';
  readonly uid = randomUUID();
  /** Containers that could not be started; each try takes a new one, as the kubelet's do. */
  private readonly spoilt = new Set<string>();
  private readonly calls: CheckedCalls;
  private readonly backend: LoadBackend;

  constructor(calls: CheckedCalls, backend: LoadBackend) {
    this.calls = calls;
    this.backend = backend;
  }

  /** Does what is left to do; true when the pod is as it should be, false after a failed call. */
  async step(goal: 'up' | 'gone'): Promise<boolean> {
    try {
      const sandboxes = await this.calls.listSandboxes({ uid: this.uid });
      const containers = await this.calls.listContainers({ uid: this.uid });
      if (goal === 'up') await this.bringUp(sandboxes, containers);
      else await this.bringDown(sandboxes, containers);
      return true;
    } catch (error) {
      onlyCriErrors(error);
      return false;
    }
  }

  /** Steps again and again, `everyMs` apart, until the pod is as it should be, or `mayStop` says so. */
  async persist(goal: 'up' | 'gone', everyMs: number, mayStop: () => boolean = () => false): Promise<void> {
    while (!mayStop() && !(await this.step(goal))) await pause(everyMs);
  }

  private async bringUp(sandboxes: readonly Sandbox[], containers: readonly Container[]): Promise<void> {
    const attempts = sandboxes.map(({ metadata }) => metadata?.attempt ?? 0);
    this.sandboxId = sandboxes.find(isReady)?.id ?? (await this.runSandbox(Math.max(-1, ...attempts) + 1));
    const { sandboxId, calls } = this;
    const { name } = this.backend;
    await calls.askStatus('PodSandboxStatus', sandboxId, name);
    const here = containers.filter(({ podSandboxId }) => podSandboxId === sandboxId);
    const running = here.find(isRunning);
    const created = here.find((container) => isCreated(container) && !this.spoilt.has(container.id));
    this.containerId = running?.id ?? created?.id ?? (await this.createContainer(here.length));
    const { containerId } = this;
    if (running === undefined) {
      this.spoilt.add(containerId);
      await this.turn('StartContainer', containerId, {});
    }
    await calls.askStatus('ContainerStatus', containerId, name);
  }

  private async bringDown(sandboxes: readonly Sandbox[], containers: readonly Container[]): Promise<void> {
    for (const container of containers.filter(isRunning))
      await this.turn('StopContainer', container.id, { timeout: 2 });
    for (const { id } of sandboxes) await this.stopSandbox(id);
    for (const { id } of containers) await this.remove('RemoveContainer', id);
    for (const { id } of sandboxes) await this.remove('RemovePodSandbox', id);
    // As the kubelet's garbage collection does again and again.
    for (const { id } of sandboxes) await this.remove('RemovePodSandbox', id);
  }

  /** Runs the sandbox alone. */
  async runSandbox(attempt: number): Promise<string> {
    const { calls, uid } = this;
    const { name, handler } = this.backend;
    const request = { config: calls.sandboxConfig(uid, attempt), runtimeHandler: handler };
    const beganMs = performance.now();
    calls.check.creationBegins(uid, name);
    const { podSandboxId: id } = await calls.call('RunPodSandbox', request, name);
    calls.check.created('sandbox', { id, uid, parent: uid }, name, beganMs);
    return id;
  }

  private async createContainer(attempt: number): Promise<string> {
    const { calls, sandboxId, uid } = this;
    const { name } = this.backend;
    const config = calls.containerConfig(uid, attempt);
    const request = { podSandboxId: sandboxId, config, sandboxConfig: calls.sandboxConfig(uid, 0) };
    const beganMs = performance.now();
    calls.check.creationBegins(sandboxId, name);
    const { containerId: id } = await calls.call('CreateContainer', request, name);
    calls.check.created('container', { id, uid, parent: sandboxId }, name, beganMs);
    return id;
  }

  private async turn(
    rpc: 'StartContainer' | 'StopContainer',
    containerId: string,
    more: { readonly timeout?: number },
  ): Promise<void> {
    const { check } = this.calls;
    const beganMs = performance.now();
    check.turnBegins(containerId);
    await this.calls.call(rpc, { containerId, ...more }, this.backend.name);
    check.turned(containerId, rpc === 'StartContainer', beganMs);
  }

  private async stopSandbox(podSandboxId: string): Promise<void> {
    const { check } = this.calls;
    const beganMs = performance.now();
    check.turnBegins(podSandboxId);
    await this.calls.call('StopPodSandbox', { podSandboxId }, this.backend.name);
    check.turned(podSandboxId, false, beganMs);
  }

  private async remove(rpc: 'RemoveContainer' | 'RemovePodSandbox', id: string): Promise<void> {
    const { check } = this.calls;
    const beganMs = performance.now();
    check.removalBegins(id);
    const request = rpc === 'RemoveContainer' ? { containerId: id } : { podSandboxId: id };
    await this.calls.call(rpc, request, this.backend.name);
    check.removed(id, beganMs);
  }
}

/** A pause of the load, not of a test. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
