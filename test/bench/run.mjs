#!/usr/bin/env node
// Launcher of the bench: Node 20 does not run TypeScript, so the bench is bundled into a folder of its own first.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const programsDir = mkdtempSync(path.join(tmpdir(), 'sy-bench-'));
process.on('exit', () => rmSync(programsDir, { recursive: true, force: true }));

buildSync({
  entryPoints: [
    path.join(here, 'run.ts'),
    path.join(here, 'backend.ts'),
    path.join(here, 'load-client.ts'),
    path.join(here, 'contenders/grpc-js-proxy.ts'),
    path.join(here, 'contenders/http2-relay.ts'),
    path.join(here, 'contenders/byte-pipe.ts'),
  ],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outdir: programsDir,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  // Dependencies in CommonJS ask for Node's own modules by require.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const { main } = await import(pathToFileURL(path.join(programsDir, 'run.mjs')).href);
process.exit(await main(process.argv.slice(2), programsDir, path.resolve(here, '../..')));
