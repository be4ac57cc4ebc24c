// What V8 has compiled of a chunk, kept in a file: scripts/make-code-cache.ts writes it when the program is built, and
// boot.ts hands it to V8 instead of having the chunk compiled again. V8 itself compares its version, its flags and the
// length of the source, and trusts the rest; so both checksums are held against the file before it gets there.
import { statSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const CHECKSUM_BYTES = 4;
const HEAD_BYTES = 2 * CHECKSUM_BYTES;

/**
 * Names the build of Node that runs. Code is only for the build that made it: two builds of one version may differ, and
 * then nearly always in size. Throws when the program file of Node is gone.
 */
export function nodeBuild(): string {
  const { version, platform, arch, execPath } = process;
  return `${version}-${platform}-${arch}-${statSync(execPath).size}`;
}

/** The file for `code`, which was made of `source`. */
export function sealCode(source: Uint8Array, code: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(crc32(source), 0);
  head.writeUInt32LE(crc32(code), CHECKSUM_BYTES);
  return Buffer.concat([head, code]);
}

/** The code in `file`; undefined when it is damaged or was made of another source. */
export function openSealed(source: Uint8Array, file: Buffer): Buffer | undefined {
  if (file.length < HEAD_BYTES) return undefined;
  const code = file.subarray(HEAD_BYTES);
  const isWhole = file.readUInt32LE(0) === crc32(source) && file.readUInt32LE(CHECKSUM_BYTES) === crc32(code);
  return isWhole ? code : undefined;
}
