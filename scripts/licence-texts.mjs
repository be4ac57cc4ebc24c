// The licence texts of the packages in the bundle: for dist/THIRD-PARTY-LICENSES, which goes wherever the bundle goes.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Files of a package that hold its terms. */
const TEXT_FILE = /^(licen[cs]e|copying|notice|unlicense)([-._].*)?$/i;

/**
 * What stands in for the text of a package that ships none. `reason` goes into the file; `source` is a file of the
 * package whose first comment is the text.
 * @type {Readonly<Record<string, { reason: string, source?: string }>>}
 */
export const WITHOUT_TEXT = {
  '@bufbuild/protobuf': {
    reason:
      'The package has no file of its terms. Apache-2.0 is in LICENSE beside this file; BSD-3-Clause is the head of its dist/esm/wire/varint.js:',
    source: 'dist/esm/wire/varint.js',
  },
  '@stricli/core': {
    reason: 'The package has no file of its terms. Apache-2.0 is in LICENSE beside this file.',
  },
  'abstract-logging': {
    reason:
      'The package has no file of its terms; its package.json says MIT and names James Sumners as author, its Readme.md links to http://jsumners.mit-license.org/. The terms of MIT are those of fastify in this file.',
  },
};

/**
 * The text of THIRD-PARTY-LICENSES. Throws when a package has neither a text nor a reason for that.
 * @param {string} root directory of package.json
 * @param {Iterable<string>} inputs files of the bundle, as esbuild's metafile names them
 */
export function licenceTexts(root, inputs) {
  const packages = [...packageDirectories(inputs)].map((directory) => readPackage(root, directory));
  const lacking = packages.filter(
    ({ texts, name }) => texts.length === 0 && WITHOUT_TEXT[name] === undefined,
  );
  if (lacking.length > 0) {
    const names = lacking.map(({ name, directory }) => `${name} (${directory})`).join(', ');
    throw new Error(
      `no licence text in ${names}: add each to WITHOUT_TEXT in scripts/licence-texts.mjs, with the reason why the bundle may be passed on without one`,
    );
  }
  packages.sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
  return [HEAD, ...packages.map(toEntry)].join(`\n${'='.repeat(100)}\n\n`);
}

const HEAD = `Switchyard's bundle holds code of the packages below, each under its own terms. Switchyard's own are in LICENSE
beside this file.
`;

/** @param {Iterable<string>} inputs */
function packageDirectories(inputs) {
  const directories = new Set();
  for (const file of inputs) {
    const directory = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    if (directory !== undefined) directories.add(directory);
  }
  return directories;
}

/** @param {string} root @param {string} directory */
function readPackage(root, directory) {
  const dir = path.join(root, directory);
  const { name, version, license } = JSON.parse(readFileSync(path.join(dir, 'package.json'), 'utf8'));
  const texts = readdirSync(dir)
    .filter((file) => TEXT_FILE.test(file))
    .sort(compare)
    .map((file) => ({ file, text: readFileSync(path.join(dir, file), 'utf8') }));
  return { directory, dir, name: String(name), version: String(version), license: String(license), texts };
}

/** @param {ReturnType<typeof readPackage>} one */
function toEntry({ dir, name, version, license, texts }) {
  const { reason, source } = WITHOUT_TEXT[name] ?? {};
  const parts =
    texts.length > 0
      ? texts.map(({ file, text }) => `--- ${file}\n\n${text.trim()}\n`)
      : [`${reason}\n`, ...(source === undefined ? [] : [firstComment(path.join(dir, source))])];
  return [`${name} ${version}\nLicence: ${license}\n`, ...parts].join('\n');
}

/** The lines that begin a file with //. @param {string} file */
function firstComment(file) {
  const [comment = ''] = /^(\/\/.*\n)+/.exec(readFileSync(file, 'utf8')) ?? [];
  if (comment === '') throw new Error(`${file} does not begin with its terms any more`);
  return comment.replaceAll(/^\/\/ ?/gm, '');
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
