// The program as chunks of ES modules, before build.mjs makes files of them: with esbuild's word on what went in.
import path from 'node:path';
import { build } from 'esbuild';
import { leaveOut } from './left-out.mjs';

/** Directory of the chunks in dist/. */
export const CHUNKS = 'chunks';

/** @satisfies {import('esbuild').CommonOptions} */
export const STYLE = /** @type {const} */ ({
  platform: 'node',
  target: 'node20.19',
  // Names stay whole: they stand in stack traces.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'eof',
  sourcesContent: false,
  logLevel: 'warning',
});

/** @param {string} root directory of package.json @param {string} version of the program */
export function bundle(root, version) {
  return build({
    ...STYLE,
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outdir: path.join(root, 'dist', CHUNKS),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    bundle: true,
    plugins: [leaveOut],
    format: 'esm',
    sourcemap: 'inline',
    metafile: true,
    write: false,
    define: { SWITCHYARD_VERSION: JSON.stringify(version) },
  });
}
