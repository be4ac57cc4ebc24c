// `npm run bench`: prepares what the bench needs, bundles the bench (Node 20 does not run TypeScript) into a folder of
// its own beside a copy of the built program, so that a build meanwhile changes nothing, and runs it there.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
await prepare();
const programsDir = mkdtempSync(path.join(tmpdir(), 'sy-bench-'));
process.on('exit', () => rmSync(programsDir, { recursive: true, force: true }));
cpSync(path.join(root, 'dist'), path.join(programsDir, 'dist'), { recursive: true });
cpSync(path.join(root, 'test/bench/peers/grpc-go'), path.join(programsDir, 'grpc-go'), { recursive: true });

const programs = ['run', 'backend', 'load-client'];
const contenders = ['grpc-js-proxy', 'http2-relay', 'byte-pipe'];
buildSync({
  entryPoints: [
    ...programs.map((name) => path.join(root, `test/bench/${name}.ts`)),
    ...contenders.map((name) => path.join(root, `test/bench/contenders/${name}.ts`)),
  ],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  outdir: programsDir,
  entryNames: '[name]',
  outExtension: { '.js': '.mjs' },
  // CommonJS packages in an ES module bundle still call require for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const { main } = await import(pathToFileURL(path.join(programsDir, 'run.mjs')).href);
process.exit(await main(process.argv.slice(2), programsDir));
