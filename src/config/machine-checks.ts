// Checks of what the config names against the machine they run on, for `switchyard check`. All of it may still come
// before Switchyard starts, or the config be meant for another machine: so these are warnings, but for a state directory
// that something else stands in the way of, or that `serve` refuses. It meets the rest and logs it.
import { accessSync, constants, lstatSync, type Stats, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { quote } from '../quote.ts';
import { findGroupId } from './group-file.ts';
import { namedSockets } from './path-checks.ts';
import { errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { describeShared, ownDirectoryHint } from './shared-directory.ts';
import { type DescribeNonSocket, describeByStat } from './sockets.ts';

const STATE_HINT = 'Write /var/lib/switchyard';

/** The machine. */
export interface Machine {
  hasFile(path: string): boolean;
  hasGroup(group: string): boolean;
  readonly describeNonSocket: DescribeNonSocket;
  /** What a path is that exists and is no directory, such as `a socket`. */
  describeNonDirectory(path: string): string | undefined;
  /** Mode of what is there; undefined when nothing is, or nobody may look. */
  modeOf(path: string): number | undefined;
  /** Why no file can be made in a directory that exists, such as `is on a read-only file system`; undefined when one may. */
  describeUnwritable(directory: string): string | undefined;
}

/** The one that runs this. */
export const thisMachine: Machine = {
  hasFile: (file) => look(file) !== 'missing',
  hasGroup: (group) => findGroupId(group) !== undefined,
  describeNonSocket: describeByStat,
  describeNonDirectory(file) {
    const found = look(file);
    if (found === 'missing') return isLink(file) ? 'a link to nothing' : undefined;
    if (found === 'hidden' || found.isDirectory()) return undefined;
    return describeByStat(file) ?? 'a socket';
  },
  modeOf(file) {
    const found = look(file);
    return typeof found === 'string' ? undefined : found.mode;
  },
  describeUnwritable(directory) {
    try {
      // These let root write by their modes, and then let nobody make a file.
      if (KERNEL_FILE_SYSTEMS.has(statfsSync(directory).type))
        return "is on a file system of the kernel's own";
      accessSync(directory, constants.W_OK);
      return undefined;
    } catch (error) {
      // Anything else may be for the one alone who runs this, and not for the one who runs Switchyard.
      const { code } = error as NodeJS.ErrnoException;
      return code === 'EROFS' ? 'is on a read-only file system' : undefined;
    }
  },
};

/** f_type of proc, sysfs and cgroup2 (linux/magic.h). */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x63677270]);

function isLink(file: string): boolean {
  try {
    return lstatSync(file).isSymbolicLink();
  } catch {
    return false;
  }
}

/** `hidden`: who runs this may not look. */
function look(file: string): Stats | 'missing' | 'hidden' {
  try {
    return statSync(file, { throwIfNoEntry: false }) ?? 'missing';
  } catch {
    return 'hidden';
  }
}

/** What this machine lacks, or has in the way. */
export function checkMachine(file: ConfigFile, machine: Machine): Finding[] {
  return [
    ...checkGroup(file, machine),
    ...checkOwnSockets(file, machine),
    ...checkEndpoints(file, machine),
    ...checkStateDir(file, machine),
  ];
}

function checkGroup({ listen: { group } }: ConfigFile, machine: Machine): Finding[] {
  if (group === undefined || machine.hasGroup(group)) return [];
  const message = `listen.group: this machine has no group ${quote(group)}, and without it Switchyard does not start`;
  return [warningAt(['listen', 'group'], message, `Create it: groupadd --system ${group}`)];
}

/** Of Switchyard's own sockets: what else is in their place. Those of runtimes have a check of their own. */
function checkOwnSockets(file: ConfigFile, machine: Machine): Finding[] {
  return namedSockets(file)
    .filter(({ at }) => at[0] !== 'backends')
    .flatMap(({ at, what, path: socket }) => {
      const found = machine.describeNonSocket(socket) ?? nonDirectoryAbove(socket, machine);
      if (found === undefined) return [];
      const isAbove = machine.describeNonSocket(socket) === undefined;
      const message = isAbove ? `${what} lies below ${found}` : `${what} is ${found}, not a socket`;
      return [
        warningAt(at, `${message}, so nothing can be served there`, 'Move it away, or choose another path'),
      ];
    });
}

function checkEndpoints(file: ConfigFile, machine: Machine): Finding[] {
  return namedSockets(file)
    .filter(({ at, path: socket }) => at[0] === 'backends' && !machine.hasFile(socket))
    .map(({ at, what, path: socket }) => {
      const message = `${what}: this machine has no ${socket}`;
      const hint =
        at.at(-1) === 'imageEndpoint'
          ? 'Start its image service or name the right socket: until it answers, calls for images of this backend fail'
          : 'Start its runtime or name the right socket: until each backend has been listed once, every list of pods fails';
      return warningAt(at, message, hint);
    });
}

function checkStateDir({ stateDir }: ConfigFile, machine: Machine): Finding[] {
  if (!stateDir.startsWith('/')) return [];
  const at = ['stateDir'];
  const directory = path.resolve(stateDir);
  const found = machine.describeNonDirectory(directory);
  if (found !== undefined) return [errorAt(at, `stateDir is ${found}, not a directory`, STATE_HINT)];
  const above = nonDirectoryAbove(directory, machine);
  if (above !== undefined) return [errorAt(at, `stateDir lies below ${above}`, STATE_HINT)];
  const shared = describeShared(machine.modeOf(directory) ?? 0);
  if (shared !== undefined) return [errorAt(at, `stateDir ${shared}`, ownDirectoryHint(directory))];
  const unwritable = machine.describeUnwritable(nearestDirectory(directory, machine));
  if (unwritable === undefined) return [];
  const message = `stateDir ${unwritable}, so nothing outlives a restart of Switchyard`;
  return [warningAt(at, message, STATE_HINT)];
}

/** The directory itself, or the first one above it that is there. */
function nearestDirectory(directory: string, machine: Machine): string {
  let at = directory;
  while (at !== '/' && machine.modeOf(at) === undefined) at = path.dirname(at);
  return at;
}

/** `/run/a.sock, which is a socket`: the nearest path above that is there, if it is no directory. */
function nonDirectoryAbove(file: string, machine: Machine): string | undefined {
  for (let above = path.dirname(file); above !== '/'; above = path.dirname(above)) {
    const found = machine.describeNonDirectory(above);
    if (found !== undefined) return `${above}, which is ${found}`;
  }
  return undefined;
}
