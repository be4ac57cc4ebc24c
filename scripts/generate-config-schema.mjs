// Makes config/switchyard.schema.json, which gives editors completion and checks, from src/config/schema.ts.
// A step of scripts/generate.mjs.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * The generated files: their paths below the project's folder, and their text.
 * @returns {Promise<{ path: string; text: string }[]>}
 */
export async function generateConfigSchema() {
  // The oldest Node that is supported does not run TypeScript, so the module is bundled in memory first.
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/config/json-schema.ts'],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('esbuild made no output');
  const { configJsonSchema } = await import(
    `data:text/javascript;base64,${Buffer.from(output.contents).toString('base64')}`
  );
  return [{ path: 'config/switchyard.schema.json', text: configJsonSchema() }];
}
