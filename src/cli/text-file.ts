// Reads the files that the user names: as text, whole, and without waiting for what is no file. Opening a FIFO waits for
// a writer, perhaps for ever, and a device has no end.
import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';

/** Longer than any config, and than any list of manifests that a cluster takes. */
const SIZE_BYTES_AT_MOST = 4 * 2 ** 20;

/** The file is there but is none that can be read. The message follows "cannot read FILE: ". */
export class NoTextFileError extends Error {
  override readonly name = 'NoTextFileError';
}

/** The whole file as UTF-8. Rejects as node:fs does, or with a NoTextFileError. */
export async function readTextFile(file: string): Promise<string> {
  // What the shell opened for us, as `<(...)` does: waiting for it is what was asked for.
  if (/^\/(dev\/(stdin$|fd\/)|proc\/self\/fd\/)/.test(file)) return toText(await readFile(file));
  // O_NONBLOCK: opening a FIFO does not wait, and neither does opening a tape that is being wound.
  await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const kind = await kindOf(handle);
  if (kind !== undefined) throw new NoTextFileError(kind);
  // Awaited here: the file is closed at the end of this block.
  return await readWhole(handle);
}

async function kindOf(handle: FileHandle): Promise<string | undefined> {
  const state = await handle.stat();
  if (state.isFile()) return undefined;
  if (state.isDirectory()) return 'it is a directory. Name a file in it';
  if (state.isFIFO()) return 'it is a FIFO, not a file. Name a file, or /dev/stdin to read what is piped in';
  return 'it is a device, not a file. Name a file, or /dev/stdin to read what is piped in';
}

/** Reads up to the limit whatever the size says: files of /proc have none. */
async function readWhole(handle: FileHandle): Promise<string> {
  const buffer = Buffer.allocUnsafe(SIZE_BYTES_AT_MOST + 1);
  let end = 0;
  while (end < buffer.length) {
    const { bytesRead } = await handle.read(buffer, end, buffer.length - end);
    if (bytesRead === 0) return toText(buffer.subarray(0, end));
    end += bytesRead;
  }
  throw new NoTextFileError(`it is longer than ${SIZE_BYTES_AT_MOST / 2 ** 20} MiB. Is it the right file?`);
}

/** Bytes that are no UTF-8 would become other characters in silence. What is no text at all is left to whoever reads it. */
function toText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes) || bytes.includes(0)) return text;
  const { before, byte } = firstForeignByte(bytes, text);
  const lines = before.replace(/^\ufeff/, '').split('\n');
  const place = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
  throw new NoTextFileError(`${place} is not UTF-8 (byte 0x${byte.toString(16)}). Save the file as UTF-8`);
}

/** The first byte that is no part of a character, and the text before it. `text` holds U+FFFD in its place. */
function firstForeignByte(bytes: Buffer, text: string): { before: string; byte: number } {
  let offset = 0;
  let end = 0;
  for (const { index } of text.matchAll(/\ufffd/g)) {
    offset += Buffer.byteLength(text.slice(end, index));
    end = index;
    const isWritten = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd;
    if (!isWritten) break;
  }
  return { before: text.slice(0, end), byte: bytes[offset] ?? 0 };
}
