// What a backend that stands still costs the others: none of their calls, and a bounded amount of memory. How long their
// calls take meanwhile is printed.
import { status as code } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { codecOf } from '../support/cri-codec.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { residentBytes } from '../support/signalled-process.ts';
import type { SwitchyardProcess } from '../support/switchyard-process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { latencies, quantile } from './call-record.ts';
import { InsideProcess } from './inside-process.ts';
import { absentBackends, type SimulatedStage, simulatedStage } from './stage.ts';

/** Calls for the backend that stands still, each far longer than a kubelet's. */
const STUCK_CALLS = 500;
const STUCK_REQUEST_BYTES = 512 * 1024;
const MEASURED_CALLS = 500;
/** 64 MiB of requests may wait; each is held in a few forms. */
const MEMORY_BYTES = 320 * 1024 * 1024;

beforeEach((context) => skipWhen(context, whyNoProgram()));

/** Status calls and probes of pods on the other backends, one after the other; resolves to how long they took. */
async function measureOthers(stage: SimulatedStage): Promise<number[]> {
  const { calls, staying } = stage.load;
  const fromMs = performance.now();
  const others = staying.filter(({ backend }) => backend !== 'second');
  for (let nth = 0; nth < MEASURED_CALLS; nth++) {
    const pod = others[nth % others.length];
    if (pod === undefined) throw new Error('no pods');
    const { sandboxId, containerId, backend } = pod;
    if (nth % 2 === 0) await calls.askStatus('PodSandboxStatus', sandboxId, backend);
    else await calls.askStatus('ContainerStatus', containerId, backend);
  }
  return latencies(calls.record.between(['PodSandboxStatus', 'ContainerStatus'], fromMs));
}

async function callsInFlight(switchyard: SwitchyardProcess, method: string): Promise<number> {
  const metrics = await switchyard.metrics();
  return Number(
    new RegExp(`^switchyard_calls_in_flight{method="${method}"} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0,
  );
}

describe('a backend that stands still while calls pile up for it', () => {
  it('keeps no call from the others, and takes memory that is bounded and given back', async () => {
    await using dir = await tempDir();
    const inside = new InsideProcess(dir);
    await using stage = await simulatedStage({ dir, env: inside.env });
    const { load, switchyard } = stage;
    const { runtime, name, handler } = stage.backend('second');
    await load.settle();
    await measureOthers(stage); // the code is compiled now
    const before = await measureOthers(stage);
    const heldBefore = (await inside.look(switchyard.pid)).heldBytes;

    await runtime.pause();
    load.calls.check.down(name);
    using client = switchyard.connect();
    const config = load.calls.sandboxConfig('stuck', 0);
    const annotations = { big: 'x'.repeat(STUCK_REQUEST_BYTES) };
    const request = codecOf('RunPodSandbox').encode({
      config: { ...config, annotations },
      runtimeHandler: handler,
    });
    const codes = new Map<number, number>();
    const run = async () => {
      const reply = await client.rawCall(client.pathOf('RunPodSandbox'), request);
      codes.set(reply.code, (codes.get(reply.code) ?? 0) + 1);
    };
    const stuck = Array.from({ length: STUCK_CALLS }, run);
    const ended = () => [...codes.values()].reduce((sum, count) => sum + count, 0);
    await until(
      async () => (await callsInFlight(switchyard, 'RunPodSandbox')) + ended() === STUCK_CALLS,
      'all calls have come',
    );
    const during = await measureOthers(stage);
    const resident = residentBytes(switchyard.pid);
    const heldDuring = (await inside.look(switchyard.pid)).heldBytes;
    // Lists find out that it hangs; from then on its calls fail at once.
    await Promise.all([load.calls.listSandboxes(), load.calls.listContainers()]);
    await until(async () => (await absentBackends(switchyard)).includes(name), 'it is known to hang');
    // A small one: what is stuck uses up this client's memory for requests that come in parts.
    const refused = await client
      .call('RunPodSandbox', { config, runtimeHandler: handler })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: code.UNAVAILABLE,
      details: expect.stringMatching(/hanging since/),
    });
    const known = await measureOthers(stage);

    runtime.resume();
    load.calls.check.up(name);
    await Promise.all(stuck);
    await until(async () => (await absentBackends(switchyard)).length === 0, `${name} is back`);

    const heldAfter = (await inside.look(switchyard.pid)).heldBytes;

    const row = (what: string, all: readonly number[]) =>
      `  ${what}: p50 ${quantile(all, 0.5).toFixed(1)} ms, p99 ${quantile(all, 0.99).toFixed(1)} ms, slowest ${quantile(all, 1).toFixed(1)} ms\n`;
    const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
    process.stdout.write(
      `\ncalls of other backends, ${MEASURED_CALLS} each time\n` +
        row('before', before) +
        row(`while ${STUCK_CALLS} calls pile up for a stopped backend`, during) +
        row('while it is known to hang', known) +
        `  memory in use before ${mib(heldBefore)}, during ${mib(heldDuring)} (with garbage ${mib(resident)}), after ${mib(heldAfter)}, for ${mib(STUCK_CALLS * STUCK_REQUEST_BYTES)} of requests\n` +
        `  the calls that piled up ended ${JSON.stringify([...codes])} (code, calls)\n`,
    );
    expect(load.calls.check.wrongs).toEqual([]);
    expect(heldDuring - heldBefore).toBeLessThan(MEMORY_BYTES);
    expect(heldAfter - heldBefore).toBeLessThan(MEMORY_BYTES / 4);
  }, 60_000);
});
