// CPU time and memory of another process, read from /proc. Linux only, as the whole bench.
import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time all threads of the process have used, in nanoseconds. From the scheduler's own count
 * (/proc/PID/task/TID/schedstat): the ticks of /proc/PID/stat are 10 ms long, which is a whole slice.
 */
export function cpuTimeNs(pid: number): number {
  let sumNs = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sumNs += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  }
  return sumNs;
}

export interface MemoryFigures {
  /** Resident now. */
  readonly rssBytes: number;
  /** The most that was resident since the start. */
  readonly peakBytes: number;
}

/** Resident memory of the process, from /proc/PID/status. */
export function memoryOf(pid: number): MemoryFigures {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytesOf = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    if (match === null) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(match[1]) * 1024;
  };
  return { rssBytes: bytesOf('VmRSS'), peakBytes: bytesOf('VmHWM') };
}
