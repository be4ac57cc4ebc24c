import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** All documents: those at the top and those in docs/, by their path from the top. */
async function readDocuments(): Promise<Map<string, string>> {
  const top = (await readdir(root)).filter((name) => name.endsWith('.md'));
  const below = (await readdir(path.join(root, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name));
  const texts = await Promise.all(
    [...top, ...below].map(async (name) => [name, await readFile(path.join(root, name), 'utf8')] as const),
  );
  return new Map(texts);
}

const documents = await readDocuments();

/** The anchors that the headings of a document get. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) =>
    `${match[1]}`
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe('the documents', () => {
  it('link only to what exists, headings included', () => {
    for (const [name, text] of documents) {
      for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? name : path.join(path.dirname(name), file);
        expect(existsSync(path.join(root, linked)), `${name} links to ${target}`).toBe(true);
        if (anchor !== undefined) expect(anchors(documents.get(linked) ?? ''), `${name}`).toContain(anchor);
      }
    }
  });

  it('show only configs that are accepted', () => {
    let seen = 0;
    for (const [name, text] of documents) {
      for (const [, yaml = ''] of text.matchAll(/```yaml\n(.*?)```/gs)) {
        if (!yaml.includes('SwitchyardConfiguration')) continue;
        seen++;
        expect(loadConfig(yaml, name), name).not.toHaveProperty('problems');
      }
    }
    expect(seen).toBeGreaterThan(0);
  });

  it('name only npm scripts that package.json has', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
    for (const [name, text] of documents) {
      for (const [, script] of text.matchAll(/npm run ([a-z0-9:-]+)/g)) {
        expect(Object.keys(scripts), name).toContain(script);
      }
    }
  });

  it('name only files of this project that exist', () => {
    for (const [name, text] of documents) {
      for (const [, file = ''] of text.matchAll(
        /`((?:src|test|scripts|deploy|docs|config|proto)\/[\w./-]*)`/g,
      )) {
        expect(existsSync(path.join(root, file)), `${name} names ${file}`).toBe(true);
      }
    }
  });
});
