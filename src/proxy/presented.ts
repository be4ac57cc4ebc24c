// What clients get of a backend's statistics and metrics: the records as they came, but for what means something else on
// a node with several runtimes.
import type { Backend } from '../backends/backend.ts';
import type { ListMethod } from '../cri/methods.ts';
import type { ProxyParts } from './parts.ts';

/** A reply of a list as clients get it; most are what they were. Throws MalformedMessageError. */
export function presented(parts: ProxyParts, backend: Backend, method: ListMethod, message: Buffer): Buffer {
  if (method.relabels) return parts.statistics.metricLabels.relabel(backend, message);
  const { containerStatsPath: path } = method;
  return path === undefined ? message : parts.statistics.mountpoints.mend(backend, message, path);
}
