// `npm run build`: bundles the program to dist/main.js and dist/chunks/, which start without node_modules. What stands
// behind an import() in the sources becomes a chunk of its own, so that a start compiles only what it needs; and what
// V8 compiles at a start is kept in dist/code-cache/, so that the next start need not do it again.
//   --sizes   tells what each package and folder adds
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { bundle, CHUNKS, STYLE } from './bundle.mjs';
import { licenceTexts } from './licence-texts.mjs';
import { STAMP_FILE, stampOfSources } from './sources.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const dist = path.join(root, 'dist');
const main = path.join(dist, 'main.js');
const chunks = path.join(dist, CHUNKS);
const codeCache = path.join(dist, 'code-cache');

// Taken before anything is read: what changes while this runs makes the build an old one.
const stamp = stampOfSources(root);
const { outputFiles, metafile } = await bundle(root, version);
/** @type {{ path: string, contents: Uint8Array }[]} */
const files = (await Promise.all(outputFiles.map(toCommonJs))).flat();
const program = Object.entries(metafile.outputs).find(
  ([, { entryPoint }]) => entryPoint === 'src/main.ts',
)?.[0];
const boot = await build({
  ...STYLE,
  absWorkingDir: root,
  entryPoints: ['src/boot.ts'],
  outfile: main,
  bundle: true,
  format: 'cjs',
  banner: { js: '#!/usr/bin/env node' },
  metafile: true,
  write: false,
  define: { PROGRAM_CHUNK: JSON.stringify(path.basename(program ?? '')) },
});
// main.js last: it names a chunk, so it must not be there before it.
const inputs = [metafile, boot.metafile].flatMap((one) => Object.keys(one.inputs));
for (const [name, text] of Object.entries({
  'package.json': '{ "type": "commonjs" }\n',
  LICENSE: readFileSync(path.join(root, 'LICENSE'), 'utf8'),
  'THIRD-PARTY-LICENSES': licenceTexts(root, inputs),
})) {
  files.push({ path: path.join(dist, name), contents: Buffer.from(text) });
}
files.push(...boot.outputFiles);
for (const dir of [chunks, codeCache]) mkdirSync(dir, { recursive: true });
for (const { path: file, contents } of files) write(file, contents);
write(path.join(root, STAMP_FILE), Buffer.from(`${stamp}\n`));
await makeCodeCache();
removeOldChunks(new Set(files.map((file) => path.basename(file.path))));
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
 * The chunk as CommonJS, and its source map. esbuild splits ES modules only; Node loads CommonJS with less work, and
 * boot.ts can load it with kept code.
 * @param {import('esbuild').OutputFile} chunk
 */
async function toCommonJs({ path: file, text }) {
  const { code, map } = await transform(text, {
    ...STYLE,
    format: 'cjs',
    banner: '"use strict";', // as ES modules are
    sourcemap: 'external',
    // import() of a chunk: boot.ts loads it as all others.
    supported: { 'dynamic-import': false },
  });
  const mapped = `${code}//# sourceMappingURL=${path.basename(file)}.map\n`;
  return [
    { path: file, contents: Buffer.from(mapped) },
    { path: `${file}.map`, contents: Buffer.from(map) },
  ];
}

/** Runs the program once and keeps what V8 has compiled of it, for this build of Node. */
async function makeCodeCache() {
  const dir = mkdtempSync(path.join(tmpdir(), 'sy-build-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const maker = path.join(dir, 'make-code-cache.cjs');
  const entryPoints = ['scripts/make-code-cache.ts'];
  await build({ absWorkingDir: root, entryPoints, outfile: maker, bundle: true, platform: 'node' });
  const { status } = spawnSync(process.execPath, [maker, dist], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return;
  console.error('the program is built, but its code could not be kept: it starts more slowly');
  process.exitCode = 1;
}

/**
 * Chunks of earlier builds go, but not at once: a program that started a moment ago may be about to load them.
 * @param {ReadonlySet<string>} current names of chunks
 */
function removeOldChunks(current) {
  const KEPT_MS = 10 * 60_000;
  for (const dir of [chunks, ...readdirSync(codeCache).map((build) => path.join(codeCache, build))]) {
    for (const name of readdirSync(dir)) {
      const state = statSync(path.join(dir, name), { throwIfNoEntry: false });
      if (current.has(name.replace(/\.bin$/, '')) || state === undefined) continue;
      if (Date.now() - state.mtimeMs > KEPT_MS) rmSync(path.join(dir, name), { force: true });
    }
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
