// `npm run build`: bundles the program to dist/main.js and dist/chunks/, which start without node_modules. What stands
// behind an import() in the sources becomes a chunk of its own, so that a start compiles only what it needs.
//   --sizes   tells what each package and folder adds
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const main = path.join(root, 'dist/main.js');
const chunks = path.join(root, 'dist/chunks');

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir: path.dirname(main),
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  bundle: true,
  // What fastify loads for schemas and for calls without a socket: never asked for, see src/admin/server.ts.
  external: ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request'],
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Names stay whole: they stand in stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'eof',
  metafile: true,
  write: false,
  define: { SWITCHYARD_VERSION: JSON.stringify(version) },
  // CommonJS packages in an ES module bundle still call require for Node's own modules.
  banner: {
    js: "import { createRequire as switchyardRequire } from 'node:module';const require = switchyardRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
// main.js last: it names the chunks, so it must not be there before them.
const files = outputFiles.toSorted((a, b) => Number(a.path === main) - Number(b.path === main));
mkdirSync(chunks, { recursive: true });
for (const { path: file, contents } of files) write(file, contents);
removeOldChunks(new Set(files.map((file) => file.path)));
if (process.argv.includes('--sizes')) printSizes();
const sizeBytes = files.reduce(
  (sum, file) => sum + (file.path.endsWith('.js') ? file.contents.length : 0),
  0,
);
console.log(`built dist/main.js ${version}, ${Math.round(sizeBytes / 1024)} KiB with its chunks`);

/**
 * Written beside and moved, so that a program that starts meanwhile sees the old file or the new one, never a half.
 * @param {string} file @param {Uint8Array} contents
 */
function write(file, contents) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, contents);
  if (file === main) chmodSync(draft, 0o755);
  renameSync(draft, file);
}

/**
 * Chunks of earlier builds go, but not at once: a program that started a moment ago may be about to load them.
 * @param {ReadonlySet<string>} current
 */
function removeOldChunks(current) {
  const KEPT_MS = 10 * 60_000;
  for (const file of readdirSync(chunks).map((name) => path.join(chunks, name))) {
    const state = statSync(file, { throwIfNoEntry: false });
    if (!current.has(file) && state !== undefined && Date.now() - state.mtimeMs > KEPT_MS)
      rmSync(file, { force: true });
  }
}

function printSizes() {
  const sizes = new Map();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const part = /node_modules\/((@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? path.dirname(file);
      sizes.set(part, (sizes.get(part) ?? 0) + bytesInOutput);
    }
  }
  for (const [part, bytes] of [...sizes].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(Math.round(bytes / 1024)).padStart(6)} KiB  ${part}`);
  }
}
