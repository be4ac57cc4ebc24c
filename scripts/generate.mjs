// `npm run generate`: makes all committed files that are derived from others. With --check it makes them elsewhere and
// fails if the committed ones differ. Offline, like all scripts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateConfigSchema } from './generate-config-schema.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/**
 * What is generated. `output` is a file or a folder that holds nothing else; `make` writes it below the folder it gets.
 * @type {{ name: string; output: string; make(target: string): void | Promise<void> }[]}
 */
const STEPS = [
  {
    name: 'CRI messages from proto/',
    output: 'src/cri/gen',
    make(target) {
      const buf = path.join(root, 'node_modules/@bufbuild/buf/bin/buf');
      execFileSync(process.execPath, [buf, 'lint'], { cwd: root, stdio: 'inherit' });
      execFileSync(process.execPath, [buf, 'generate', '--output', target], { cwd: root, stdio: 'inherit' });
    },
  },
  {
    name: 'JSON Schema of the config',
    output: 'config/switchyard.schema.json',
    async make(target) {
      for (const file of await generateConfigSchema()) {
        const place = path.join(target, file.path);
        mkdirSync(path.dirname(place), { recursive: true });
        writeFileSync(place, file.text);
      }
    },
  },
];

const isCheck = process.argv.includes('--check');
const target = isCheck ? mkdtempSync(path.join(tmpdir(), 'switchyard-generate-')) : root;
try {
  for (const step of STEPS) {
    await step.make(target);
    const stale = isCheck ? differences(path.join(root, step.output), path.join(target, step.output)) : [];
    for (const file of stale) console.error(`${path.join(step.output, file)} is not up to date`);
    if (stale.length > 0) process.exitCode = 1;
    else console.log(`${isCheck ? 'up to date' : 'made'}: ${step.name} (${step.output})`);
  }
  if (process.exitCode === 1) console.error('Run: npm run generate');
} finally {
  if (isCheck) rmSync(target, { recursive: true });
}

/**
 * The files that are in one of two trees only, or not the same in both.
 * @param {string} committed @param {string} fresh @returns {string[]}
 */
function differences(committed, fresh) {
  const before = contents(committed);
  const after = contents(fresh);
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort();
}

/** Relative path to content; of a file, '' to its content. @param {string} top @returns {Map<string, string>} */
function contents(top) {
  const stat = statSync(top, { throwIfNoEntry: false });
  if (stat === undefined) return new Map();
  const names = stat.isFile() ? [''] : readdirSync(top, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(path.join(top, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(path.join(top, name), 'utf8')]));
}
