// Where attacks are played: a simulated runtime with one pod, and for each attack a Switchyard of its own, the attacker in
// front of it or behind it, and a well-behaved client beside it.
import { readdirSync } from 'node:fs';
import { memoryOf } from '../bench/process-figures.ts';
import { InsideProcess } from '../faults/inside-process.ts';
import { runContainer, runPod } from '../support/cri-pod.ts';
import { SimulatedProcess } from '../support/simulated-process.ts';
import { SwitchyardProcess } from '../support/switchyard-process.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import type { Attack, AttackReport } from './attack.ts';
import { AttackerProcess } from './attacker-process.ts';
import { bundleAttacker } from './attacker-program.ts';
import { GoodClient } from './good-client.ts';

const MIB = 1024 * 1024;
/** What an attack may leave behind: code that was compiled, buffers that are used again. */
const HELD_MORE_BYTES = 12 * MIB;
const DESCRIPTORS_MORE = 4;
const OF_A_CALL = /"msg":"(call failed|a backend could not be listed)"/;

/** What was seen of an attack. */
export interface Outcome {
  readonly report: AttackReport;
  /** Of the well-behaved client. */
  readonly failures: readonly string[];
  readonly calls: number;
  readonly slowestMs: number;
  readonly peakMiB: number;
  /** That Switchyard took, of the attacker and its well-behaved clients. */
  readonly callsTaken: number;
  /** Warnings of its log that no call accounts for: those of a call are as many as its client makes. */
  readonly warnings: readonly string[];
  /** Lines of Switchyard's log that speak of a mistake of its own. */
  readonly bugs: readonly string[];
}

export class HostileStage implements AsyncDisposable {
  private readonly dir: TempDir;
  private readonly runtime: SimulatedProcess;
  private readonly attacker: string;
  private readonly containerId: string;
  private count = 0;

  private constructor(dir: TempDir, runtime: SimulatedProcess, containerId: string) {
    this.dir = dir;
    this.runtime = runtime;
    this.containerId = containerId;
    this.attacker = bundleAttacker(dir.path);
  }

  static async open(): Promise<HostileStage> {
    const dir = await tempDir();
    const [socket, logFile] = [dir.file('calm.sock'), dir.file('calm.log')];
    const runtime = await SimulatedProcess.start({
      name: 'calm',
      profile: 'containerd-2.1',
      socket,
      logFile,
    });
    const pod = await runPod(runtime.cri, { annotations: { long: 'x'.repeat(256 * 1024) } });
    const containerId = await runContainer(runtime.cri, pod, { image: 'localhost/busybox:1.36' });
    return new HostileStage(dir, runtime, containerId);
  }

  /** Plays an attack for so long; throws when Switchyard does not serve as before when it is over. */
  async play(attack: Attack, durationMs: number): Promise<Outcome> {
    const nth = ++this.count;
    const inside = new InsideProcess(this.dir);
    const hostileSocket = this.dir.file(`hostile-${nth}.sock`);
    // A hostile backend has to listen before Switchyard starts, and a client's attack is told where to connect.
    const address = this.dir.file(`sy-${nth}/cri.sock`);
    using attacker = await AttackerProcess.start(this.attacker, attack, address, hostileSocket);
    await using switchyard = await SwitchyardProcess.start({
      dir: this.dir.file(`sy-${nth}`),
      backends: [
        { name: 'calm', endpoint: `unix://${this.runtime.socket}`, default: true },
        ...(attack.attacker === 'backend' ? [hostile(hostileSocket)] : []),
      ],
      more: { log: { format: 'json' } },
      env: inside.env,
    });
    await until(async () => !/backend_up\{.*\} 0/.test(await switchyard.metrics()), 'all backends are ready');
    const { pid } = switchyard;
    await using client = await GoodClient.start(switchyard.socket, this.containerId);
    const before = { held: (await inside.look(pid)).heldBytes, descriptors: descriptorsOf(pid) };

    const callsBefore = callsIn(await switchyard.metrics());
    const report = await attacker.attack(durationMs);
    await client.stop();
    const callsTaken = callsIn(await switchyard.metrics()) - callsBefore;
    const { peakBytes } = memoryOf(pid);

    using another = switchyard.connect();
    await until(
      () => descriptorsOf(pid) <= before.descriptors + DESCRIPTORS_MORE,
      'its descriptors come back',
    );
    await until(async () => {
      await another.call('ListContainers', {}); // what a backend said in the attack is gone with its next list
      return (await inside.look(pid)).heldBytes <= before.held + HELD_MORE_BYTES;
    }, 'its memory comes back');
    await another.call('Version', {});
    await another.call('ListPodSandbox', {});
    await another.call('ContainerStatus', { containerId: this.containerId });
    const log = switchyard.logTail(100_000).split('\n');
    return {
      report,
      failures: client.failures,
      calls: client.calls,
      slowestMs: client.slowestMs,
      peakMiB: Math.round(peakBytes / MIB),
      callsTaken,
      warnings: log.filter((line) => /"level":"(warn|error|fatal)"/.test(line) && !OF_A_CALL.test(line)),
      bugs: log.filter((line) => /unexpected error|TypeError|RangeError/.test(line)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime[Symbol.asyncDispose]();
    await this.dir[Symbol.asyncDispose]();
  }
}

function hostile(socket: string) {
  const handlers = { hostile: '' };
  return {
    name: 'hostile',
    endpoint: `unix://${socket}`,
    handlers,
    timeouts: { list: '500ms', status: '500ms' },
  };
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many calls Switchyard has taken, in its metrics. */
function callsIn(metrics: string): number {
  const counts = [...metrics.matchAll(/^switchyard_calls_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}
