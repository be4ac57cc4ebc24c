// What dist/ says of the terms of the code in it, against what esbuild says went into the bundle.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundle } from '../../../scripts/bundle.mjs';
import { licenceTexts, WITHOUT_TEXT } from '../../../scripts/licence-texts.mjs';
import { builtProgram } from '../../support/built-program.ts';
import { tempDir } from '../../support/temp-dir.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const read = (name: string) => readFile(path.join(root, name), 'utf8');
const readBuilt = (name: string) => readFile(path.join(path.dirname(builtProgram()), name), 'utf8');

/** The directory of the package that a file belongs to, and the part of the path behind it. */
function directoryOf(file: string): string | undefined {
  const at = file.lastIndexOf('node_modules/');
  if (at === -1 || file.includes(':')) return undefined;
  const [first = '', second = ''] = file.slice(at + 'node_modules/'.length).split('/');
  return (
    file.slice(0, at) + path.posix.join('node_modules', first.startsWith('@') ? `${first}/${second}` : first)
  );
}

/** The entries of the file by `name version`. */
async function entries(): Promise<Map<string, string>> {
  const [, ...parts] = (await readBuilt('THIRD-PARTY-LICENSES')).split(/\n={100}\n\n/);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part]));
}

describe('the built program', () => {
  it('ships its own licence', async () => {
    expect(await readBuilt('LICENSE')).toBe(await read('LICENSE'));
  });

  it('ships the terms of every package that is in it, and of no other', async () => {
    const { metafile } = await bundle(root, 'test');
    const directories = new Set(Object.keys(metafile.inputs).flatMap((file) => directoryOf(file) ?? []));
    const named = [...directories].map(async (directory) => {
      const { name, version } = JSON.parse(await read(`${directory}/package.json`));
      return `${name} ${version}`;
    });
    const inBundle = await Promise.all(named);
    expect(inBundle.length).toBeGreaterThan(40);
    expect([...(await entries()).keys()].sort()).toEqual([...new Set(inBundle)].sort());
  });

  it('gives each with its licence and a text, or says why there is none', async () => {
    for (const [title, text] of await entries()) {
      expect(text, title).toMatch(/\nLicence: \(?(MIT|ISC|Apache-2\.0|BSD-3-Clause|BlueOak-1\.0\.0)\b/);
      const [name = ''] = title.split(' ');
      if (WITHOUT_TEXT[name] === undefined) expect(text, title).toMatch(/\n--- (LICENSE|LICENCE|COPYING)/i);
      else expect(text, title).toContain(WITHOUT_TEXT[name].reason);
      expect(text.length, title).toBeGreaterThan(100);
    }
    expect((await entries()).get('@bufbuild/protobuf 2.17.0')).toContain('Copyright 2008 Google Inc.');
  });

  it('excuses no package that is not in it', async () => {
    const names = [...(await entries()).keys()].map((title) => title.split(' ')[0]);
    expect(names).toEqual(expect.arrayContaining(Object.keys(WITHOUT_TEXT)));
  });
});

describe('the build', () => {
  it('fails on a package without a text, and says where to write why', async () => {
    await using dir = await tempDir();
    const directory = dir.file('node_modules/@a/b');
    await mkdir(directory, { recursive: true });
    await writeFile(`${directory}/package.json`, '{ "name": "@a/b", "version": "1.0.0", "license": "MIT" }');
    expect(() => licenceTexts(dir.path, ['node_modules/@a/b/index.js', 'src/a.ts'])).toThrow(
      'no licence text in @a/b (node_modules/@a/b): add each to WITHOUT_TEXT in scripts/licence-texts.mjs',
    );
    await writeFile(`${directory}/LICENSE-MIT.txt`, 'Be kind.\n');
    await writeFile(`${directory}/NOTICE`, 'Made by B.\n');
    expect(licenceTexts(dir.path, ['node_modules/@a/b/index.js'])).toMatch(
      /^@a\/b 1\.0\.0\nLicence: MIT\n\n--- LICENSE-MIT\.txt\n\nBe kind\.\n\n--- NOTICE\n\nMade by B\.\n/m,
    );
  });
});
