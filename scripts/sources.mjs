// What dist/ is made from, and a stamp of it: the build leaves the stamp in dist/, and tests that run the built program
// compare it with that of the present sources.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Files and directories that dist/ is made from. */
export const SOURCES = [
  ...['src', 'proto', 'package.json', 'package-lock.json', 'LICENSE'],
  ...['scripts/build.mjs', 'scripts/bundle.mjs', 'scripts/left-out.mjs', 'scripts/sources.mjs'],
  ...['scripts/licence-texts.mjs', 'scripts/make-code-cache.ts'],
];

/** Where the build leaves the stamp of what it was made from. */
export const STAMP_FILE = 'dist/sources.sha256';

/** The same for the same names and contents, whenever they were written. @param {string} root directory of package.json */
export function stampOfSources(root) {
  const hash = createHash('sha256');
  for (const name of filesIn(root, SOURCES)) {
    const bytes = readFileSync(path.join(root, name));
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** @param {string} root @param {readonly string[]} names @returns {string[]} */
function filesIn(root, names) {
  return names.flatMap((name) => {
    const file = path.join(root, name);
    const state = statSync(file, { throwIfNoEntry: false });
    if (state?.isDirectory() !== true) return state === undefined ? [] : [name];
    const inside = readdirSync(file).sort();
    return filesIn(
      root,
      inside.map((entry) => path.posix.join(name, entry)),
    );
  });
}
