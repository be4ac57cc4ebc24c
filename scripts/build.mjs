// `npm run build`: bundles the program to dist/main.js, which starts without node_modules.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const outdir = path.join(root, 'dist');

const result = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outdir,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'eof',
  metafile: true,
  write: false,
  define: { SWITCHYARD_VERSION: JSON.stringify(version) },
  loader: { '.proto': 'text' },
  // CommonJS packages in an ES module bundle still call require for Node's own modules.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as switchyardRequire } from 'node:module';const require = switchyardRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
// Written beside and moved, so that a program that starts meanwhile sees the old file or the new one, never a half.
mkdirSync(outdir, { recursive: true });
for (const { path: file, contents } of result.outputFiles) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, contents);
  if (file.endsWith('.js')) chmodSync(draft, 0o755);
  renameSync(draft, file);
}
if (process.argv.includes('--sizes')) printSizes(result.metafile);
const program = result.outputFiles.find(({ path: file }) => file.endsWith('main.js'));
console.log(`built dist/main.js ${version}, ${Math.round((program?.contents.length ?? 0) / 1024)} KiB`);

/** What each package and folder of ours adds. @param {import('esbuild').Metafile} metafile */
function printSizes(metafile) {
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
