// What pods say and hear on a real containerd: streams over the URLs that CRI gives, and logs on disk. Beside the
// conformance suite, which ends where the URL is given.
import { readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Bench } from '../contract/conformance/bench.ts';
import { until } from '../support/until.ts';
import { definePodStreams } from './pod-streams.ts';

/** Defines the tests in the current `describe`. */
export function definePodIo(bench: Bench): void {
  definePodStreams(bench);
  afterEach(() => bench.tidy());

  it('writes the logs of a container to disk, also after they were rotated', async () => {
    const { cri } = bench;
    const pod = await bench.pod();
    // It says one more word whenever the file /tmp/go appears.
    const script = 'echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo second >&2; sleep 600';
    const containerId = await bench.running(pod, {
      command: ['sh', '-c', script],
      logPath: 'app.log',
    });
    const log = path.join(pod.config.logDirectory ?? '', 'app.log');
    const read = () => readFileSync(log, 'utf8');
    await until(() => read() !== '', 'the first line is in the log');
    expect(read()).toMatch(/^\S+ stdout F first\n$/);

    renameSync(log, `${log}.1`);
    await cri.call('ReopenContainerLog', { containerId });
    await cri.call('ExecSync', { containerId, cmd: ['sh', '-c', 'echo > /tmp/go'], timeout: 10 });
    await until(() => read() !== '', 'the second line is in the new log');
    expect(read()).toMatch(/^\S+ stderr F second\n$/);
  });
}
