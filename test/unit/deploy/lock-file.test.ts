import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
}

const root = path.resolve(import.meta.dirname, '../../..');
const readJson = async (name: string) => JSON.parse(await readFile(path.join(root, name), 'utf8'));

const packages: Readonly<Record<string, Locked>> = (await readJson('package-lock.json')).packages;

/** Whether `name` is in the lock file where the package at `from` finds it: in its own node_modules, or further up. */
function isLocked(from: string, name: string): boolean {
  const above = [...from.matchAll(/(^|\/)node_modules\//g)].map((match) => from.slice(0, match.index));
  return [from, ...above].some((folder) => path.posix.join(folder, 'node_modules', name) in packages);
}

/** Whether the range of versions holds `version`; of ranges such as `^18 || >=20.1`, `20.*` and `*`. */
function holds(range: string, version: readonly number[]): boolean {
  return range.split('||').some((part) => {
    const [, sign, text = ''] = /^(\^|>=)? *([\d.]*)/.exec(part.trim()) ?? [];
    const least = text.split('.').filter(Boolean).map(Number);
    if (sign !== '>=' && least.length > 0 && least[0] !== version[0]) return false;
    const differing = least.findIndex((number, i) => number !== version[i]);
    return differing === -1 || (least[differing] ?? 0) < (version[differing] ?? 0);
  });
}

describe('package-lock.json', () => {
  it('asks for no other Node than package.json does, so that npm ci warns of none', async () => {
    const { engines } = await readJson('package.json');
    const least = `${engines.node.replace('>=', '')}.0`.split('.').map(Number);
    const others = Object.entries(packages).filter(([, one]) => !holds(one.engines?.node ?? '*', least));
    expect(others.map(([name, one]) => `${name} wants Node ${one.engines?.node}`)).toEqual([]);
    expect([holds('>=22', least), holds('^20.20.0 || >=23', least), holds('^16 || 20', least)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  // npm writes only the platforms that its registry has, and `npm ci` then refuses the file elsewhere.
  it('has the packages of every platform, so that npm ci works on all', () => {
    for (const [from, { optionalDependencies = {} }] of Object.entries(packages)) {
      for (const name of Object.keys(optionalDependencies)) {
        expect(isLocked(from, name), name).toBe(true);
      }
    }
  });

  it('holds every direct dependency at the version that package.json pins', async () => {
    const { dependencies, devDependencies } = await readJson('package.json');
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  it('names no registry', async () => {
    expect(await readFile(path.join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
  });
});
