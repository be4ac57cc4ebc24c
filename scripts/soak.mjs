// `npm run soak -- --minutes N`: prepares what the soak needs, bundles it (Node 20 does not run TypeScript) into a
// folder of its own beside copies of the built program and the CRI schema, so that a build meanwhile changes nothing,
// and runs it there.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await prepare();
const dir = mkdtempSync(path.join(tmpdir(), 'sy-soak-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
for (const part of ['dist', 'proto'])
  cpSync(path.join(root, part), path.join(dir, part), { recursive: true });

// At the same depth as in the project: the program and the schema are found from here.
const program = path.join(dir, 'test/soak/run.mjs');
buildSync({
  entryPoints: [path.join(root, 'test/soak/run.ts')],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  outfile: program,
  // CommonJS packages in an ES module bundle still call require for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const { main } = await import(pathToFileURL(program).href);
process.exit(await main(process.argv.slice(2)));
