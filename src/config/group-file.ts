// The groups of this machine, as far as /etc/group has them: Node has no other way to a group's number.
import { readFileSync } from 'node:fs';

/** The number of a group, by its name or its number; undefined when there is no group of that name. */
export function findGroupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readGroups().find(([name]) => name === group);
  return line === undefined ? undefined : Number(line[2]);
}

function readGroups(): string[][] {
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.map((line) => line.split(':'));
  } catch {
    return []; // as in an image without users
  }
}
