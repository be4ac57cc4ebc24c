// `npm run fuzz`: prepares what the fuzzers need, bundles them (Node 20 does not run TypeScript) and runs them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await prepare();
const dir = mkdtempSync(path.join(tmpdir(), 'sy-fuzz-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const program = path.join(dir, 'run.mjs');
buildSync({
  entryPoints: [path.join(root, 'test/fuzz/run.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  outfile: program,
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.setSourceMapsEnabled(true);

const { main } = await import(pathToFileURL(program).href);
process.exit(await main(process.argv.slice(2)));
