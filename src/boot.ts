// The first file of the built program: dist/main.js. All else is in chunks beside it, CommonJS that Node can load by
// itself. Compiling them took half of the time to the first answered call, so here each is given to V8 with the code
// that was made of it at build time, where there is such code for this very build of Node.
import './early-signals.ts';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import { nodeBuild, openSealed } from './code-cache.ts';

/** The chunk that main.ts is in; scripts/build.mjs fills in its name. */
declare const PROGRAM_CHUNK: string;

type Load = (id: string) => unknown;
type Chunk = (exports: unknown, load: Load, module: { exports: unknown }) => void;

const HEAD = '(function(exports,require,module){';
const TAIL = '\n})';
const chunksDir = path.join(__dirname, 'chunks');
const loaded = new Map<string, { exports: unknown }>();

const codeDir = findCode();
if (codeDir === undefined) require(path.join(chunksDir, PROGRAM_CHUNK));
else loadChunk(PROGRAM_CHUNK, codeDir);

/** Where the code for this build of Node is. Source maps are applied only to what Node loads by itself. */
function findCode(): string | undefined {
  if (process.sourceMapsEnabled) return undefined;
  try {
    const dir = path.join(__dirname, 'code-cache', nodeBuild());
    return existsSync(dir) ? dir : undefined;
  } catch {
    return undefined; // Node was replaced on disk while it started
  }
}

/** As require does: runs the chunk when it is asked for first, and returns what it exports. */
function loadChunk(name: string, dir: string): unknown {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const filename = path.join(chunksDir, name);
  const source = readFileSync(filename);
  const script = new Script(wrap(source), {
    filename,
    columnOffset: -HEAD.length,
    cachedData: readCode(path.join(dir, `${name}.bin`), source),
  });
  const load: Load = (id) => (id.startsWith('./') ? loadChunk(path.basename(id), dir) : require(id));
  (script.runInThisContext() as Chunk)(module.exports, load, module);
  return module.exports;
}

/** The chunk, which is ASCII, as a function. Joined as bytes: of joined strings V8 keeps the parts for a while. */
function wrap(source: Buffer): string {
  return Buffer.concat([Buffer.from(HEAD), source, Buffer.from(TAIL)]).toString('latin1');
}

function readCode(file: string, source: Buffer): Buffer | undefined {
  try {
    return openSealed(source, readFileSync(file));
  } catch {
    return undefined; // a chunk that the build did not run
  }
}
