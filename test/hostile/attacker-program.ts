// The program of an attacker's process, made of attacker.ts.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** Bundles the attacker into `dir`: Node 20 does not run TypeScript. Returns the program. */
export function bundleAttacker(dir: string): string {
  const program = path.join(dir, 'attacker.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('attacker.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    outfile: program,
    logLevel: 'warning',
  });
  return program;
}
