// The built program, for tests that run it: one that was built from other sources would say nothing of these.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { STAMP_FILE, stampOfSources } from '../../scripts/sources.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = 'dist/main.js';

/** Why a test of the program is left out; undefined when there is one. */
export function whyNoProgram(root = ROOT): string | undefined {
  return existsSync(path.join(root, MAIN)) ? undefined : `${MAIN} is missing: run npm run build`;
}

/** Why the program that is there says nothing of the sources beside it; undefined when it is made of them. */
export function whyOld(root = ROOT): string | undefined {
  const file = path.join(root, STAMP_FILE);
  const stamp = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  if (stamp === stampOfSources(root)) return undefined;
  return `${MAIN} was not built from the present sources: run npm run build`;
}

let isChecked = false;

/** Its path. Throws when it is missing, or not of the present sources; that is looked at once in each process. */
export function builtProgram(): string {
  const why = isChecked ? undefined : (whyNoProgram() ?? whyOld());
  if (why !== undefined) throw new Error(why);
  isChecked = true;
  return path.join(ROOT, MAIN);
}
