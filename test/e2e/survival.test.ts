// A containerd is gone for a while, as on an upgrade that goes wrong, and the node does not notice more than it must:
// lists stay whole, its pods run on, and what could not be done is done when it returns.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { audit } from '../faults/audit.ts';
import { latencies, quantile } from '../faults/call-record.ts';
import { PodWorker } from '../faults/pod-worker.ts';
import { type RealStage, realStage } from '../faults/real-stage.ts';
import { whyNoProgram } from '../support/built-program.ts';
import type { Containerd } from '../support/containerd.ts';
import { skipWhen, whyNoContainers } from '../support/e2e-requirements.ts';
import { until } from '../support/until.ts';

/** How long it is gone. */
const AWAY_SECONDS = Number(process.env['SURVIVAL_SECONDS'] ?? 20);
const PODS = 20;
const DELETED_PODS = 3;
/** A kubelet waits 10 s or so. */
const RETRY_MS = 1_000;
const NAME = 'second';
const FULL_LISTS = ['ListPodSandbox', 'ListContainers'];

const skipReason = whyNoContainers() ?? whyNoProgram();
let stage: RealStage;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  stage = await realStage({ stayingPods: PODS, workers: 1, listEveryMs: 1_000 });
}, 60_000);

afterAll(() => stage?.[Symbol.asyncDispose]());

/** Container id to when it was started, of the containers that run. */
async function runningOn({ cri }: Containerd): Promise<Map<string, number>> {
  const { containers } = await cri.call('ListContainers', { filter: { state: { state: 1 } } });
  const started = containers.map(async ({ id }) => {
    const { status } = await cri.call('ContainerStatus', { containerId: id });
    return [id, status?.startedAt ?? 0] as const;
  });
  return new Map(await Promise.all(started));
}

describe(`a containerd that is killed and comes back after ${AWAY_SECONDS} s`, () => {
  it(
    'is missed in no list, has all its pods as they were, and is asked again to delete pods',
    async () => {
      const { load, backends } = stage;
      const { check, record } = load.calls;
      const backend = backends.find(({ name }) => name === NAME);
      if (backend === undefined) throw new Error(`no backend ${NAME}`);
      const { runtime } = backend;
      const toDelete: PodWorker[] = [];
      while (toDelete.length < DELETED_PODS) {
        const worker = new PodWorker(load.calls, backend);
        await until(() => worker.step('up'), 'a pod to delete runs', 60_000);
        toDelete.push(worker);
      }
      await load.start();
      const staying = load.staying.filter((pod) => pod.backend === NAME);
      const before = await runningOn(runtime);

      await runtime.kill();
      check.down(NAME);
      const killedMs = performance.now();
      // As the kubelet's pod workers do: again and again until it is done.
      const deleted = Promise.all(toDelete.map((worker) => worker.persist('gone', RETRY_MS)));
      deleted.catch(() => undefined); // awaited below
      await until(
        () => performance.now() - killedMs > AWAY_SECONDS * 1_000,
        'it was away long enough',
        AWAY_SECONDS * 1_000 + 10_000,
      );
      const whileAway = record.between(FULL_LISTS, killedMs);
      const deletionsTried = record.between(['StopContainer'], killedMs).filter(({ isOk }) => !isOk).length;
      check.up(NAME);
      await runtime.startAgain();
      await deleted;
      const deletedMs = performance.now();
      await load.stop();
      await audit(load.calls, backends);

      const tookMs = latencies(whileAway);
      process.stdout.write(
        `\ncontainerd away for ${AWAY_SECONDS} s: ${whileAway.length} lists, ${whileAway.filter(({ isOk }) => !isOk).length} failed, ` +
          `p50 ${quantile(tookMs, 0.5).toFixed(1)} ms, slowest ${quantile(tookMs, 1).toFixed(1)} ms; ` +
          `${record.ended.length} calls in all, ${check.wrongCount} wrong answers; ` +
          `deletes tried in vain ${deletionsTried} times, done ${Math.round(deletedMs - killedMs - AWAY_SECONDS * 1_000)} ms after the return began\n`,
      );
      expect(check.wrongs).toEqual([]);
      expect(whileAway.filter(({ isOk }) => !isOk)).toEqual([]);
      expect(whileAway.length).toBeGreaterThanOrEqual(AWAY_SECONDS);
      expect(deletionsTried).toBeGreaterThan(DELETED_PODS);
      const after = await runningOn(runtime);
      expect(staying.map(({ containerId }) => after.get(containerId))).toEqual(
        staying.map(({ containerId }) => before.get(containerId)),
      );
      expect(staying).toHaveLength(PODS);
      for (const { containerId } of toDelete) expect(after.has(containerId)).toBe(false);
    },
    (AWAY_SECONDS + 240) * 1_000,
  );
});
