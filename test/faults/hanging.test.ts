// A runtime that stands still under SIGSTOP: found though nobody calls it, and the end of what was in flight on it.
import { status as code } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import type { CriError } from '../support/cri-client.ts';
import { runContainer, runPod } from '../support/cri-pod.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { until } from '../support/until.ts';
import { absentBackends, type SimulatedStage, simulatedStage } from './stage.ts';

const NAME = 'second';
const IMAGE = 'localhost/busybox:1.36';
/** A kubelet's, of an exec probe with a timeout of one second: runtimeRequestTimeout is two minutes. */
const PROBE_DEADLINE_MS = 121_000;
/** Ten seconds of silence and a look, two seconds for an answer, and what a busy machine takes. */
const FOUND_MS = 20_000;

beforeEach((context) => skipWhen(context, whyNoProgram()));

async function untilFound({ switchyard }: SimulatedStage): Promise<void> {
  await until(async () => (await absentBackends(switchyard)).includes(NAME), `${NAME} is found`, FOUND_MS);
}

describe('a runtime under SIGSTOP', () => {
  it('is found though no client calls, and is back as soon as it goes on', async () => {
    await using stage = await simulatedStage();
    const { runtime } = stage.backend(NAME);
    await runtime.pause();
    await untilFound(stage);
    expect(await stage.switchyard.readiness()).toMatch(/did not answer Version within 2000 ms/);
    runtime.resume();
    await until(async () => (await absentBackends(stage.switchyard)).length === 0, `${NAME} is back`);
  });

  it('R10: does not let an exec probe that is the only call fail: it ends UNAVAILABLE long before its deadline', async () => {
    await using stage = await simulatedStage();
    const { runtime, handler } = stage.backend(NAME);
    using client = stage.switchyard.connect();
    const pod = await runPod(client, { handler });
    const containerId = await runContainer(client, pod, { image: IMAGE });
    await runtime.pause();
    const startedAtMs = performance.now();
    const probe = client
      .call('ExecSync', { containerId, cmd: ['true'], timeout: 1 }, { deadlineMs: PROBE_DEADLINE_MS })
      .catch((error: CriError) => error);
    expect(await probe).toMatchObject({
      code: code.UNAVAILABLE,
      details: expect.stringMatching(/backend second is hanging since/),
    });
    expect(performance.now() - startedAtMs).toBeLessThan(FOUND_MS);
    runtime.resume();
    await until(async () => (await absentBackends(stage.switchyard)).length === 0, `${NAME} is back`);
    const again = await client.call('ExecSync', { containerId, cmd: ['echo', 'well'], timeout: 1 });
    expect(again.stdout.toString()).toBe('well\n');
  });

  it('lets a command run for longer than that while it lives', async () => {
    await using stage = await simulatedStage();
    using client = stage.switchyard.connect();
    const pod = await runPod(client, { handler: stage.backend(NAME).handler });
    const containerId = await runContainer(client, pod, { image: IMAGE });
    const { exitCode } = await client.call(
      'ExecSync',
      { containerId, cmd: ['sleep', '25'], timeout: 40 },
      { deadlineMs: PROBE_DEADLINE_MS },
    );
    expect(exitCode).toBe(0);
  });
});
