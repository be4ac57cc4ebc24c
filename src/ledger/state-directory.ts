// The state directory before anything is in it: made, and closed to others where that harms nobody.
import { closeSync, constants, fchmodSync, fstatSync, openSync, readdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import { describeShared, ownDirectoryHint } from '../config/shared-directory.ts';
import { StartError } from '../errors.ts';
import { makeDirectory } from '../made-directory.ts';

const MODE = 0o700;
const OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

/** What Switchyard itself puts there, or a file system of its own. */
const OWN_NAME = /^(journal|journal\..+|lock\.[0-9a-f]{16}(\.new)?|lost\+found)$/;

/**
 * Makes the directory, or sees to it that nobody else gets into an existing one. Returns what people should know, as
 * sentences without a full stop. Throws StartError for one that is shared on purpose, such as /tmp, and as node:fs does.
 */
export function prepareStateDirectory(stateDir: string): string[] {
  makeDirectory(path.dirname(stateDir));
  makeDirectory(stateDir, MODE);
  const fd = openSync(stateDir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const found = fstatSync(fd);
    refuseShared(stateDir, found);
    const remarks: string[] = [];
    if ((found.mode & OTHERS) !== 0) {
      const closed = isOursAlone(stateDir, found) ? close(fd, stateDir, found) : undefined;
      remarks.push(...(closed ?? remarksOnMode(stateDir, found)));
    }
    return [...remarks, ...remarksOnOwner(stateDir, found)];
  } finally {
    closeSync(fd);
  }
}

function refuseShared(stateDir: string, { mode }: Stats): void {
  const why = describeShared(mode);
  if (why === undefined) return;
  throw new StartError(`the state directory ${stateDir} ${why}`, { hint: ownDirectoryHint(stateDir) });
}

/** Whether a narrower mode takes nothing from anybody: it may be /var/lib, or hold the CRI socket too. */
function isOursAlone(stateDir: string, { uid }: Stats): boolean {
  return uid === process.geteuid?.() && readdirSync(stateDir).every((name) => OWN_NAME.test(name));
}

function close(fd: number, stateDir: string, { mode }: Stats): string[] | undefined {
  try {
    fchmodSync(fd, MODE);
  } catch {
    return undefined;
  }
  if ((mode & WRITABLE_BY_OTHERS) === 0) return [];
  return [
    `others could write in ${stateDir} (mode ${octal(mode)}) until now; its mode is ${octal(MODE)} now`,
  ];
}

function remarksOnMode(stateDir: string, { mode }: Stats): string[] {
  if ((mode & WRITABLE_BY_OTHERS) === 0) return [];
  return [
    `others may write in ${stateDir} (mode ${octal(mode)}), so they can take its files away or put theirs there; give Switchyard a stateDir of its own, with mode 0700`,
  ];
}

function remarksOnOwner(stateDir: string, { uid }: Stats): string[] {
  if (uid === 0 || uid === process.geteuid?.()) return [];
  return [
    `${stateDir} belongs to uid ${uid}, who can take its files away; give it to Switchyard alone: chown ${process.geteuid?.()} ${stateDir}`,
  ];
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
