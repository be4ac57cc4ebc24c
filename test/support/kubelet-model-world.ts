// What a model test plays on: three simulated runtimes of different kinds, a Switchyard in front of them, a client; and
// the register of everything that ever existed in the runtimes, which is the truth that answers are held against.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Container } from '../../src/simulator/container.ts';
import type { ProfileName } from '../../src/simulator/profile.ts';
import { type SimulatedRuntime, startSimulatedRuntime } from '../../src/simulator/runtime.ts';
import type { Sandbox } from '../../src/simulator/sandbox.ts';
import { CriClient } from './cri-client.ts';
import type { Kind } from './kubelet-model.ts';
import { fastClock, LateLoop } from './kubelet-model-clock.ts';
import { type Ending, InnerProxy, type ModelProxy, OuterProxy } from './kubelet-model-proxy.ts';
import { configOf, type LogLine } from './proxy-world.ts';
import { type TempDir, tempDir } from './temp-dir.ts';

/** Pods reach a backend by its one runtime handler. In one world out of three the first serves streamed lists too. */
const KINDS: readonly { name: string; profile: ProfileName; handler: string }[] = [
  { name: 'one', profile: 'containerd-2.1', handler: '' },
  { name: 'two', profile: 'cri-o', handler: 'crun' },
  { name: 'three', profile: 'cri-dockerd', handler: 'docker' },
];

/** Budgets that let a hanging backend cost little, by the machine's clock. */
const BUDGETS = { listMs: 100, statusMs: 80 };

/**
 * How much faster than the machine's the clock runs, for the proxy inside the process and for the runtimes. Back-off and
 * ages pass sooner; the budgets are made longer by as much, for a busy machine must have time to answer.
 */
const FASTER = 3;

/** One backend and what was done to it. */
export interface ModelBackend {
  readonly name: string;
  readonly handler: string;
  readonly runtime: SimulatedRuntime;
  /** Calls to it may hang; so may its Status. */
  mayHang: boolean;
  mayHangStatus: boolean;
  /** Something was done to it since the proxy was last seen to be at one with the truth. */
  isDisturbed: boolean;
  /** Of what the proxy has a complete list, and knows what every call since has come to. */
  readonly covered: Set<Kind | 'image'>;
  /** The proxy was restarted since: what it has on record may be short of calls that were on their way then. */
  isOnRecord: boolean;
}

/** An object of a runtime, alive or gone: the simulator's own, whose state goes on being true. */
export interface Existing {
  readonly backend: ModelBackend;
  readonly object: Sandbox | Container;
  readonly isAlive: boolean;
}

export class ModelWorld implements AsyncDisposable {
  readonly backends: readonly ModelBackend[];
  /** What the proxy logs, when it runs inside the process. */
  readonly lines: readonly LogLine[];
  /** How much faster than the machine's clock those of the proxy and the runtimes run. */
  readonly tempo: number;
  readonly lateLoop = new LateLoop();
  client: CriClient;
  private readonly dir: TempDir;
  private readonly proxy: ModelProxy;
  private readonly ever = new Map<string, { backend: ModelBackend; object: Sandbox | Container }>();

  private constructor(
    parts: Pick<ModelWorld, 'backends' | 'lines' | 'tempo'>,
    dir: TempDir,
    proxy: ModelProxy,
  ) {
    this.backends = parts.backends;
    this.lines = parts.lines;
    this.tempo = parts.tempo;
    this.dir = dir;
    this.proxy = proxy;
    this.client = new CriClient(proxy.socket);
    for (const backend of parts.backends) this.register(backend);
  }

  /** Starts all of it. The same seed makes the same ids. */
  static async start(seed: number, form: 'inside' | 'process'): Promise<ModelWorld> {
    const dir = await tempDir();
    const tempo = form === 'inside' ? FASTER : 1;
    const clock = fastClock(tempo);
    const backends: ModelBackend[] = [];
    for (const [position, { name, profile, handler }] of KINDS.entries()) {
      const runtime = await startSimulatedRuntime({
        profile: position === 0 && seed % 3 === 0 ? 'reference' : profile,
        socket: dir.file(`${name}.sock`),
        seed: seed * KINDS.length + position,
        clock,
        ...(handler !== '' && { handlers: [handler] }),
      });
      backends.push({ name, handler, runtime, covered: new Set(), ...UNTROUBLED });
    }
    const worldBackends = KINDS.map(({ name, profile, handler }) => ({
      name,
      profile,
      handlers: { [handler]: handler },
      timeouts: { listMs: BUDGETS.listMs * tempo, statusMs: BUDGETS.statusMs * tempo },
    }));
    const config = { ...configOf(dir, worldBackends), shutdownGraceMs: 20 * tempo };
    const lines: LogLine[] = [];
    const proxy = form === 'inside' ? new InnerProxy(config, clock, lines) : new OuterProxy(dir, config);
    await proxy.start();
    return new ModelWorld({ backends, lines, tempo }, dir, proxy);
  }

  backend(position: number): ModelBackend {
    const backend = this.backends[position % this.backends.length];
    if (backend === undefined) throw new Error(`no backend ${position}`);
    return backend;
  }

  /** What has this id, or had it. */
  find(id: string): Existing | undefined {
    const entry = this.ever.get(id);
    return entry && { ...entry, isAlive: isAlive(entry) };
  }

  /** All that ever existed, in order of creation. */
  *all(): Generator<Existing> {
    for (const entry of this.ever.values()) yield { ...entry, isAlive: isAlive(entry) };
  }

  /** All that exists, in order of creation. */
  *living(): Generator<Existing> {
    for (const existing of this.all()) if (existing.isAlive) yield existing;
  }

  /** Ends the proxy and starts it again, with a fresh client; `flip`: which bit of its journal is flipped in between. */
  async restartProxy(how: Ending, flip?: number): Promise<void> {
    this.client.close();
    await this.proxy.end(how);
    if (flip !== undefined) flipBit(`${this.proxy.stateDir}/journal`, flip);
    await this.proxy.start();
    this.client = new CriClient(this.proxy.socket);
  }

  /** From now on all that is made in the runtime is on record, also what is gone before anybody looks. */
  private register(backend: ModelBackend): void {
    const { sandboxes, containers } = backend.runtime.world;
    const addSandbox = sandboxes.add.bind(sandboxes);
    sandboxes.add = (object) => {
      this.ever.set(object.id, { backend, object });
      addSandbox(object);
    };
    const addContainer = containers.add.bind(containers);
    containers.add = (object) => {
      this.ever.set(object.id, { backend, object });
      addContainer(object);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lateLoop[Symbol.dispose]();
    this.client.close();
    for (const { runtime } of this.backends) {
      runtime.faults.clear();
      runtime.crash();
    }
    await this.proxy.end('stop');
    await this.dir[Symbol.asyncDispose]();
  }
}

function flipBit(file: string, pick: number): void {
  if (!existsSync(file)) return;
  const bytes = readFileSync(file);
  const at = pick % Math.max(1, bytes.length);
  writeFileSync(file, bytes.fill((bytes[at] ?? 0) ^ (1 << (pick % 8)), at, at + 1));
}

/** A backend that nothing has been done to. */
export const UNTROUBLED = {
  mayHang: false,
  mayHangStatus: false,
  isDisturbed: false,
  isOnRecord: false,
} as const;

/** Whether the proxy has all it needs to list this backend: its own answer, or what it knows of it. */
export function canBeListed(backend: ModelBackend, kind: Kind | 'image'): boolean {
  const { isDisturbed, mayHang, isOnRecord, covered } = backend;
  // A backend that lives but does not list is waited for unless what is known of it is certain.
  return !isDisturbed || (covered.has(kind) && !(mayHang && isOnRecord));
}

/** The UID of a pod sandbox's pod; undefined for a container. */
export function podOf(object: Sandbox | Container): string | undefined {
  return 'sandboxId' in object ? undefined : object.metadata.uid;
}

function isAlive({ backend, object }: Omit<Existing, 'isAlive'>): boolean {
  const { sandboxes, containers } = backend.runtime.world;
  return ('sandboxId' in object ? containers : sandboxes).get(object.id) !== undefined;
}
