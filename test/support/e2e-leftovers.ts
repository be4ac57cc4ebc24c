// What real containers leave on a machine beside files: processes, cgroups, mounts and a network bridge. Each run's
// traces carry the run's name, so that the run itself, or after a crash the next one, finds and removes them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './until.ts';

const PREFIX = 'sy-e2e-';
/** Set for every program that a run starts, and inherited by what those start: tells whose they are. */
const MARK = 'SWITCHYARD_E2E_RUN';
const CGROUPS = '/sys/fs/cgroup';

/** The name of a run: part of its folder, its cgroups and its network bridges. */
export interface E2eRun extends AsyncDisposable {
  /** Six hex digits. */
  readonly id: string;
  readonly path: string;
  /** The cgroup parent of its pods. */
  readonly cgroupParent: string;
  file(name: string): string;
}

/** Clears what crashed runs left, and begins a new one. */
export async function beginRun(): Promise<E2eRun> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = path.join(tmpdir(), name);
    if (!isOwned(dir)) {
      process.stderr.write(`clearing what a crashed run left: ${dir}\n`);
      await clear(dir);
    }
  }
  const id = Math.floor(Math.random() * 0x1000000)
    .toString(16)
    .padStart(6, '0');
  const dir = path.join(tmpdir(), PREFIX + id);
  mkdirSync(dir);
  writeFileSync(path.join(dir, 'owner'), `${process.pid} ${startTimeOf(process.pid)}`);
  process.env[MARK] = dir;
  return {
    id,
    path: dir,
    cgroupParent: `/${PREFIX}${id}`,
    file: (name) => path.join(dir, name),
    [Symbol.asyncDispose]: () => clear(dir),
  };
}

function isOwned(dir: string): boolean {
  const file = path.join(dir, 'owner');
  // A folder without the file is being made just now, or cleared.
  if (!existsSync(file)) return readdirSync(dir).length === 0;
  const [pid, startTime] = readFileSync(file, 'utf8').split(' ');
  return startTime !== undefined && startTimeOf(Number(pid)) === startTime;
}

/** The start time of a process in clock ticks since boot: with it a process id is never mistaken for a later one. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in brackets and may hold blanks; the start time is the 22nd.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // gone
  }
}

async function clear(dir: string): Promise<void> {
  const run = path.basename(dir);
  // First what could start more: the daemons, and the shims that containerd started.
  await endAll(() => processesMarked(dir), `the programs of ${run} are gone`);
  await endAll(() => processesInCgroups(run), `the containers of ${run} are gone`);
  for (const mount of mountsBelow(dir)) execFileSync('umount', ['--lazy', mount]);
  for (const bridge of bridgesOf(run.slice(PREFIX.length))) execFileSync('ip', ['link', 'delete', bridge]);
  if (existsSync(path.join('/run/netns', run))) execFileSync('ip', ['netns', 'delete', run]);
  for (const cgroup of cgroupsOf(run)) removeCgroup(cgroup);
  rmSync(dir, { recursive: true, force: true });
}

async function endAll(find: () => number[], what: string): Promise<void> {
  await until(() => {
    const pids = find();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    return pids.length === 0;
  }, what);
}

function processesMarked(dir: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      // A zombie has no environment and needs no end.
      if (readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARK}=${dir}`))
        found.push(pid);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** The cgroup of a run in each hierarchy: v1 has one for each controller, v2 one in all. */
function cgroupsOf(run: string): string[] {
  if (!existsSync(CGROUPS)) return [];
  const roots = [CGROUPS, ...readdirSync(CGROUPS).map((name) => path.join(CGROUPS, name))];
  return roots.map((root) => path.join(root, run)).filter((cgroup) => existsSync(cgroup));
}

function processesInCgroups(run: string): number[] {
  const pids = new Set<number>();
  for (const top of cgroupsOf(run)) {
    for (const cgroup of [top, ...foldersBelow(top)]) {
      for (const pid of readFileSync(path.join(cgroup, 'cgroup.procs'), 'utf8').split('\n')) {
        if (pid !== '') pids.add(Number(pid));
      }
    }
  }
  return [...pids];
}

function removeCgroup(top: string): void {
  for (const cgroup of [...foldersBelow(top).reverse(), top]) {
    try {
      rmdirSync(cgroup);
    } catch {
      // The kernel still counts a process that has just ended; an empty cgroup harms nobody.
    }
  }
}

function foldersBelow(top: string): string[] {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount.startsWith(`${dir}/`))
    .reverse();
}

/** The name of the n-th bridge of a run; an interface name holds 15 characters. */
export function bridgeName(runId: string, index: number): string {
  return `sye${runId}n${index}`;
}

function bridgesOf(runId: string): string[] {
  return readdirSync('/sys/class/net').filter((name) => name.startsWith(`sye${runId}n`));
}
