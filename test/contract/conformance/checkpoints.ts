// Checkpoints of pods over several runtimes: only the one that wrote a checkpoint can read it.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { Bench } from './bench.ts';
import { type SwitchyardPlan, untilAway, untilBack } from './switchyard-target.ts';

/** Defines the tests in the current `describe`; the plan has a place that can make checkpoints and is not the first. */
export function defineCheckpoints({ places, target }: SwitchyardPlan): void {
  const able = places.slice(1).filter(({ traits }) => !traits.lacks.includes('RestorePod'));
  const [first] = places;
  if (first === undefined || able.length === 0) throw new Error('no place makes checkpoints');

  describe.each(able)('with a checkpoint that $name wrote', (place) => {
    const bench = new Bench(place, target);
    afterEach(() => bench.tidy());
    afterAll(() => bench.clear());

    const checkpoint = async () => {
      const pod = await bench.pod();
      await bench.running(pod, { name: 'db' });
      const outputPath = `/checkpoint-${pod.uid}`;
      await bench.cri.call('CheckpointPod', { podSandboxId: pod.podSandboxId, outputPath });
      return outputPath;
    };
    /** A new pod without a handler: by the rules it belongs on the default runtime. */
    const restore = async (checkpointPath: string) => {
      const config = aPodSandboxConfig({ cgroupParent: bench.target.cgroupParent });
      const { podSandboxId } = await bench.cri.call('RestorePod', { checkpointPath, config });
      bench.adopt(podSandboxId);
      using direct = target().direct(place);
      const { items } = await direct.call('ListPodSandbox', { filter: { id: podSandboxId } });
      expect(items.map(({ id }) => id)).toEqual([podSandboxId]);
    };

    it('R13: restores a pod there, wherever a new one would go', async () => {
      const path = await checkpoint();
      await restore(path);
      await restore(`${path}/../.${path}/`);
    });

    it('R4: restores a pod there when Switchyard was started again', async () => {
      const path = await checkpoint();
      await bench.shared();
      await target().kill(place);
      await target().restart(place, 'remembering');
      await target().startAgain(place);
      await untilBack(bench);
      await restore(path);
    });

    it('R9: says UNAVAILABLE while that runtime is away, and restores the pod nowhere else', async () => {
      const path = await checkpoint();
      await bench.shared();
      await target().kill(place);
      await untilAway(bench);
      const config = aPodSandboxConfig({ cgroupParent: bench.target.cgroupParent });
      expect(await bench.code('RestorePod', { checkpointPath: path, config })).toBe('UNAVAILABLE');
      await target().startAgain(place);
      await untilBack(bench);
      await restore(path);
    });
  });
}
