// Checks of what the config names against the machine they run on, for `switchyard check`. All of it may still come
// before Switchyard starts, or the config be meant for another machine: so these are warnings, but for a state directory
// that something else stands in the way of. `serve` meets the same and logs it.
import { type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { quote } from '../quote.ts';
import { findGroupId } from './group-file.ts';
import { namedSockets } from './path-checks.ts';
import { errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { type DescribeNonSocket, describeByStat } from './sockets.ts';

/** The machine. */
export interface Machine {
  hasFile(path: string): boolean;
  hasGroup(group: string): boolean;
  readonly describeNonSocket: DescribeNonSocket;
  /** What a path is that exists and is no directory, such as `a socket`. */
  describeNonDirectory(path: string): string | undefined;
}

/** The one that runs this. */
export const thisMachine: Machine = {
  hasFile: (file) => look(file) !== 'missing',
  hasGroup: (group) => findGroupId(group) !== undefined,
  describeNonSocket: describeByStat,
  describeNonDirectory(file) {
    const found = look(file);
    if (typeof found === 'string' || found.isDirectory()) return undefined;
    return describeByStat(file) ?? 'a socket';
  },
};

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
        'Start its runtime or name the right socket: until each backend has been listed once, every list of pods fails';
      return warningAt(at, message, hint);
    });
}

function checkStateDir({ stateDir }: ConfigFile, machine: Machine): Finding[] {
  if (!stateDir.startsWith('/')) return [];
  const found = machine.describeNonDirectory(path.resolve(stateDir));
  const above = found === undefined ? nonDirectoryAbove(path.resolve(stateDir), machine) : undefined;
  if (found === undefined && above === undefined) return [];
  const message =
    above === undefined ? `stateDir is ${found}, not a directory` : `stateDir lies below ${above}`;
  return [errorAt(['stateDir'], message, 'Write /var/lib/switchyard')];
}

/** `/run/a.sock, which is a socket`: the nearest path above that is there, if it is no directory. */
function nonDirectoryAbove(file: string, machine: Machine): string | undefined {
  for (let above = path.dirname(file); above !== '/'; above = path.dirname(above)) {
    const found = machine.describeNonDirectory(above);
    if (found !== undefined) return `${above}, which is ${found}`;
  }
  return undefined;
}
