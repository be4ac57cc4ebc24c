// Statistics of pods for a runtime that has none, made of those of its containers. They go into the streamed list only:
// there a backend cannot say UNIMPLEMENTED without ending the streams of all lists, and pods that are missing have no
// figures at all. CPU and memory are the sums over the containers, as the kubelet itself makes them where it knows no
// cgroup of the pod (kubelet 1.36, pkg/kubelet/stats/cri_stats_provider.go, addPodCPUMemoryStats). They are not less than
// what the containers use; what nobody measured (the pause container, network, processes) is left out.
import { encodeField, forEachRecord, type Path, readBytes, readString, readUint64 } from '../cri/wire.ts';
import { encodeMessage, encodeUint64 } from '../cri/wire-writer.ts';

/** Both lists and the one that is made hold their records in field 1. */
const RECORDS = 1;
const ID = [1];
/** PodSandbox to PodSandboxAttributes: id, metadata, labels, annotations. */
const ATTRIBUTES = new Map([
  [1, 1],
  [2, 2],
  [5, 3],
  [6, 4],
]);

// ContainerStats: attributes 1 {id 1}, cpu 2, memory 3. PodSandboxStats: attributes 1, linux 2 {cpu 1, memory 2,
// containers 5}.
const CONTAINER_ID = [1, 1];
const CONTAINER_CPU = 2;
const CONTAINER_MEMORY = 3;
const POD = { attributes: 1, linux: 2 };
const LINUX = { cpu: 1, memory: 2, containers: 5 };

const TIMESTAMP = 1;
/** UInt64Value fields that add up. CpuUsage: usage_core_nano_seconds, usage_nano_cores. */
const CPU_SUMS = [2, 3];
/** MemoryUsage: working_set_bytes, available_bytes, usage_bytes, rss_bytes, page_faults, major_page_faults. */
const MEMORY_SUMS = [2, 3, 4, 5, 6, 7];
const VALUE = 1;

/**
 * The records of a list of pod statistics: one for each pod sandbox of a ListPodSandbox reply, with those of the
 * ContainerStats of a ListContainerStats reply that `sandboxOf` says are its. Throws MalformedMessageError.
 */
export function madePodStats(
  sandboxes: Buffer,
  stats: Buffer,
  sandboxOf: (containerId: string) => string | undefined,
): Buffer {
  const bySandbox = new Map<string, Buffer[]>();
  forEachRecord(stats, 0, stats.length, RECORDS, (_, start, end) => {
    const sandboxId = sandboxOf(readString(stats, start, end, CONTAINER_ID) ?? '');
    if (sandboxId === undefined) return;
    const containers = bySandbox.get(sandboxId) ?? [];
    containers.push(stats.subarray(start, end));
    bySandbox.set(sandboxId, containers);
  });
  const records: Uint8Array[] = [];
  forEachRecord(sandboxes, 0, sandboxes.length, RECORDS, (_, start, end) => {
    const containers = bySandbox.get(readString(sandboxes, start, end, ID) ?? '') ?? [];
    // The kubelet reads linux without looking whether it is there.
    records.push(
      encodeMessage(
        RECORDS,
        encodeField(POD.attributes, attributesOf(sandboxes.subarray(start, end))),
        encodeMessage(POD.linux, ...linuxOf(containers)),
      ),
    );
  });
  return Buffer.concat(records);
}

function attributesOf(sandbox: Buffer): Buffer {
  const attributes: Uint8Array[] = [];
  for (const [from, to] of ATTRIBUTES)
    forEachRecord(sandbox, 0, sandbox.length, from, (_, start, end) => {
      attributes.push(encodeField(to, sandbox.subarray(start, end)));
    });
  return Buffer.concat(attributes);
}

function linuxOf(containers: readonly Buffer[]): Uint8Array[] {
  return [
    ...sumOf(containers, CONTAINER_CPU, CPU_SUMS, LINUX.cpu),
    ...sumOf(containers, CONTAINER_MEMORY, MEMORY_SUMS, LINUX.memory),
    ...containers.map((container) => encodeField(LINUX.containers, container)),
  ];
}

/** One usage for all containers; nothing when none of them has any. A figure is the sum over those that have it. */
function sumOf(
  containers: readonly Buffer[],
  from: number,
  figures: readonly number[],
  to: number,
): Uint8Array[] {
  const usages = containers.flatMap((container) => readBytes(container, 0, container.length, [from]) ?? []);
  if (usages.length === 0) return [];
  const read = (path: Path) => usages.flatMap((usage) => readUint64(usage, 0, usage.length, path) ?? []);
  let newest = 0n;
  for (const timestamp of read([TIMESTAMP])) if (timestamp > newest) newest = timestamp;
  const sums = figures.flatMap((figure) => {
    if (!usages.some((usage) => hasField(usage, figure))) return [];
    const sum = read([figure, VALUE]).reduce((total, one) => total + one, 0n);
    return [encodeMessage(figure, encodeUint64(VALUE, sum))];
  });
  return [encodeMessage(to, encodeUint64(TIMESTAMP, newest), ...sums)];
}

/** Whether a UInt64Value is there; one of 0 is an empty message. */
function hasField(usage: Uint8Array, number: number): boolean {
  return readBytes(usage, 0, usage.length, [number]) !== undefined;
}
