// Looks for a program of the machine that a test drives.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

/** The path of `name`: the first of `candidates` that can be run, else the one on PATH; undefined when there is none. */
export async function findTool(
  name: string,
  candidates: readonly string[] = [],
): Promise<string | undefined> {
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  for (const candidate of [...candidates, ...onPath]) {
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not there or not ours to run: the next one.
    }
  }
  return undefined;
}
