// A directory that is made with all that it lies in. Not by Node's recursive mkdir, which never returns where the kernel
// says ENOENT although the parent exists, as below /proc.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes the directory and the missing ones above it, each once. Does nothing when it is there. Throws as node:fs does;
 * ENOTDIR with the path of what is in the way.
 */
export function makeDirectory(directory: string, mode = 0o777): void {
  const missing: string[] = [];
  let at = path.resolve(directory);
  while (kindOf(at) === 'missing') {
    missing.push(at);
    at = path.dirname(at);
  }
  if (kindOf(at) === 'other') throw notDirectory(at);
  for (const one of missing.reverse()) {
    try {
      mkdirSync(one, { mode });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Somebody else has just made it; or it is a link to nothing.
      if (kindOf(one) !== 'directory') throw notDirectory(one);
    }
  }
}

/** Of the root it is never 'missing'. */
function kindOf(file: string): 'directory' | 'other' | 'missing' {
  try {
    return statSync(file).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    throw error;
  }
}

function notDirectory(file: string): Error {
  return Object.assign(new Error(`${file} is not a directory`), { code: 'ENOTDIR' });
}
