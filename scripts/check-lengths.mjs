// Fails when a source file is longer than 250 lines: then it does two things, and one of them wants a file of its
// own. Generated code and pure tables of data are exempt.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LINES_AT_MOST = 250;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Exempt paths, with the reason. */
const EXEMPT = new Map([
  ['src/cri/gen', 'generated'],
  ['src/cri/methods.ts', 'the method table: a row for each RPC'],
  ['src/http2/static-table.ts', 'the static table of RFC 7541'],
  ['src/http2/huffman-table.ts', 'the Huffman code of RFC 7541'],
]);

let tooLong = 0;
for (const file of readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  const name = path.posix.join('src', file.split(path.sep).join('/'));
  if (!name.endsWith('.ts') || [...EXEMPT.keys()].some((at) => name === at || name.startsWith(`${at}/`)))
    continue;
  const lines = readFileSync(path.join(root, name), 'utf8').split('\n').length - 1;
  if (lines <= LINES_AT_MOST) continue;
  tooLong++;
  console.error(`${name}: ${lines} lines, at most ${LINES_AT_MOST}`);
}
if (tooLong > 0) process.exitCode = 1;
