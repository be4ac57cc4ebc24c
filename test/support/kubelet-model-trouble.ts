// The trouble of a model test: what happens to the simulated runtimes, and to the proxy, between the calls.
import net from 'node:net';
import type { Fault } from '../../src/simulator/faults.ts';
import { type KubeletModel, Violation } from './kubelet-model.ts';
import type { ModelKubelet } from './kubelet-model-kubelet.ts';
import type { TroubleStep } from './kubelet-model-step.ts';
import { type ModelBackend, type ModelWorld, UNTROUBLED } from './kubelet-model-world.ts';
import { until } from './until.ts';

/** By the machine's clock. Longer than a list's budget: its snapshot answers, and the late list comes after it. */
const DELAY_MS = 150;
const LISTS = ['ListPodSandbox', 'ListContainers', 'ListImages', 'StreamPodSandboxes', 'StreamContainers'];

export class Trouble {
  private readonly world: ModelWorld;
  private readonly model: KubeletModel;
  private readonly kubelet: ModelKubelet;

  constructor(world: ModelWorld, model: KubeletModel, kubelet: ModelKubelet) {
    this.world = world;
    this.model = model;
    this.kubelet = kubelet;
  }

  /** Makes the trouble, and tells in a line what it was. */
  async make(step: TroubleStep): Promise<string> {
    switch (step.does) {
      case 'restart':
        return this.restart(step.how);
      case 'damage':
        return this.damage(step.pick);
      case 'notice':
        return this.notice();
      case 'heal':
        return this.heal();
      default: {
        const backend = this.world.backend(step.backend);
        backend.isDisturbed = true;
        await this.disturb(backend, step);
        return `${Object.entries(step)
          .filter(([key]) => key !== 'backend')
          .map(([, value]) => value)
          .join(' ')} on ${backend.name}`;
      }
    }
  }

  private async disturb(
    backend: ModelBackend,
    step: Extract<TroubleStep, { backend: number }>,
  ): Promise<void> {
    const { runtime } = backend;
    switch (step.does) {
      case 'crash':
        runtime.crash();
        return;
      case 'revive':
        await runtime.restart();
        return;
      case 'cut':
        runtime.cut();
        return;
      case 'calm':
        runtime.faults.clear();
        backend.mayHang = false;
        backend.mayHangStatus = false;
        return;
      case 'hang':
        backend.mayHang = true;
        if (step.calls === 'all') backend.mayHangStatus = true;
        for (const rpc of step.calls === 'all' ? ['*'] : LISTS) runtime.faults.add(rpc, { kind: 'hang' });
        return;
      case 'break':
        if (step.how === 'hang') backend.mayHang = true;
        if (step.how === 'hang' && step.rpc === 'Status') backend.mayHangStatus = true;
        runtime.faults.add(step.rpc, faultOf(step, this.world.tempo), { calls: 1 });
        return;
      default:
        step satisfies never;
    }
  }

  /** Ends the proxy in the middle of a call: the backend has done its part, the answer has not come. */
  async interrupt(rpc: string, how: 'stop' | 'kill', make: () => Promise<string>): Promise<string[]> {
    this.expectRestart();
    const faults = this.world.backends.map(({ runtime }) =>
      runtime.faults.add(rpc, { kind: 'hang', when: 'after' }, { calls: 1 }),
    );
    let isOver = false;
    const made = make().finally(() => {
      isOver = true;
    });
    // Judged below; until then a violation is nobody's.
    made.catch(() => undefined);
    await inTime(
      async () => isOver || faults.some(({ hits }) => hits > 0),
      () => `${rpc} reaches no backend and is not answered`,
    );
    const restarted = await this.restart(how);
    for (const fault of faults) fault.clear();
    return [restarted, `  amid  ${await made}`];
  }

  /** Until the proxy is connected again, its backends are as good as troubled. */
  private expectRestart(): void {
    for (const backend of this.world.backends) {
      backend.isDisturbed = true;
      backend.isOnRecord = true;
    }
  }

  private async restart(how: 'stop' | 'kill'): Promise<string> {
    this.expectRestart();
    await this.world.restartProxy(how);
    if (how === 'kill') this.model.proxyKilled();
    return `the proxy restarts after a ${how}`;
  }

  /** Nothing that is on record by itself can be counted on any more: lists may fail, but not be short. */
  private async damage(pick: number): Promise<string> {
    this.expectRestart();
    await this.world.restartProxy('kill', pick);
    this.model.proxyKilled();
    for (const { covered } of this.world.backends) covered.clear();
    return `the proxy restarts after a kill, with a bit of its journal flipped (${pick})`;
  }

  /** Status says of each backend whether it is there. */
  private async notice(): Promise<string> {
    let ready: readonly string[] = [];
    const isNoticed = async () => {
      ready = (await this.kubelet.readyBackends()).names;
      for (const { name, runtime, mayHangStatus } of this.world.backends) {
        const isUp = await isServed(runtime.socket);
        if (ready.includes(name) !== isUp && !(isUp && mayHangStatus)) return false;
      }
      return true;
    };
    await inTime(
      isNoticed,
      () => `Status does not notice which backends are there; ready: ${ready.join(' ')}`,
    );
    return `Status tells that these backends are there: ${ready.join(' ') || 'none'}`;
  }

  private async heal(): Promise<string> {
    const { world } = this;
    for (const backend of world.backends) {
      backend.runtime.faults.clear();
      backend.mayHang = false;
    }
    let trouble: string | undefined;
    await inTime(
      async () => {
        // A call that hung until now may have been meant to end its process.
        for (const { runtime } of world.backends) await runtime.restart();
        trouble = await this.whatIsWrong();
        return trouble === undefined;
      },
      () => `the proxy does not become whole again: ${trouble}`,
    );
    for (const backend of world.backends) {
      Object.assign(backend, UNTROUBLED);
      for (const kind of ['sandbox', 'container', 'image'] as const) backend.covered.add(kind);
    }
    return 'all is well again';
  }

  /** How what the proxy shows differs from the truth; undefined when it does not. */
  private async whatIsWrong(): Promise<string | undefined> {
    const { world, kubelet } = this;
    const ready = await kubelet.readyBackends();
    if (ready.names.length < world.backends.length) return ready.text;
    for (const rpc of ['ListPodSandbox', 'ListContainers'] as const) {
      const { shown, text } = await kubelet.lists.ask(rpc, {}, false);
      if (shown === undefined) return `${rpc} -> ${text}`;
      let living = 0;
      for (const { object } of world.living()) {
        if ('sandboxId' in object !== (rpc === 'ListContainers')) continue;
        living++;
        if (shown.get(object.id) !== object.state)
          return `${rpc} shows ${object.id} in state ${shown.get(object.id)}, which is in ${object.state}`;
      }
      if (living < shown.size) return `${rpc} shows ${shown.size} of ${living}`;
    }
    if (!(await kubelet.images.listAll())) return 'ListImages is not answered';
    return this.whoIsMute();
  }

  /** Lists and Status may come from memory: a backend that answers for itself is there. */
  private async whoIsMute(): Promise<string | undefined> {
    for (const backend of this.world.backends) {
      const [sandbox] = backend.runtime.world.sandboxes.values();
      if (sandbox === undefined) continue;
      const text = await this.kubelet.look(sandbox.id);
      if (!text.endsWith('OK')) return text;
    }
    return undefined;
  }
}

async function inTime(isTrue: () => Promise<boolean>, what: () => string): Promise<void> {
  let violation: unknown;
  const isTrueOrBroken = async () => {
    try {
      return await isTrue();
    } catch (error) {
      violation = error;
      return true;
    }
  };
  await until(isTrueOrBroken, 'it is so', 30_000).catch(() => {
    throw new Violation(what());
  });
  if (violation !== undefined) throw violation;
}

function faultOf({ how, when }: Extract<TroubleStep, { does: 'break' }>, tempo: number): Fault {
  switch (how) {
    case 'delay':
      return { kind: 'delay', delayMs: DELAY_MS * tempo, when };
    case 'refuse':
      return { kind: 'refuse', status: 'UNAVAILABLE', message: 'server is not initialized yet' };
    default:
      return { kind: how, when };
  }
}

function isServed(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
