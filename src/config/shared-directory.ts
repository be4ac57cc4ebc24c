// Which directory cannot be the state directory because users share it: one judgement for `check` and for the start.
import path from 'node:path';

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Why a directory of this mode is refused, as the end of a sentence about it; undefined when it is not. The sticky bit
 * says that a directory is meant for many: others rely on its mode, so it cannot be narrowed.
 */
export function describeShared(mode: number): string | undefined {
  if ((mode & STICKY) === 0 || (mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  return `is shared with other users (mode ${octal}): any of them could put a journal there, or keep Switchyard from starting`;
}

/** What to do about it. */
export function ownDirectoryHint(stateDir: string): string {
  return `Give stateDir a directory of its own in the config, such as ${path.join(stateDir, 'switchyard')}`;
}
