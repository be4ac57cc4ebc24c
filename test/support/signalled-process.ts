// Stops a process as a debugger or a hanging disk does: it keeps its sockets, and the kernel takes what is sent to it.
import { readFileSync } from 'node:fs';
import { until } from './until.ts';

/** SIGSTOP; resolves when the process stands still. */
export async function pause(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(() => stateOf(pid) === 'T', `process ${pid} stands still`);
}

/** SIGCONT; does nothing to a process that runs, or that is gone. */
export function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It is gone.
  }
}

/** Memory of a process that is not shared with files, in bytes. */
export function residentBytes(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** The state letter of /proc: R, S, D, T (stopped), Z. */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets and may hold blanks.
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
}
