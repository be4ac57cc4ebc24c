import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedMessageError, MessageTooLargeError, UnimplementedError } from '../../../src/errors.ts';
import { framed, MessageReader, PREFIX_BYTES } from '../../../src/grpc/message.ts';

function readAll(reader: MessageReader, pieces: readonly Buffer[]): Buffer[] {
  const messages: Buffer[] = [];
  for (const piece of pieces) {
    reader.push(piece, 0, piece.length, (buffer, start, end, isOwned) => {
      messages.push(isOwned ? buffer.subarray(start, end) : Buffer.from(buffer.subarray(start, end)));
    });
    piece.fill(0xee); // what is not owned or copied shows up as broken
  }
  return messages;
}

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((end, i) => Buffer.from(bytes.subarray(places[i], end)));
}

describe('the message reader', () => {
  it('gives the same messages however their bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
        fc.array(fc.nat(2000), { maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map(framed));
          const reader = new MessageReader(1000, 'the request');
          expect(readAll(reader, split(bytes, cuts))).toEqual(
            messages.map((message) => Buffer.from(message)),
          );
          reader.finish();
        },
      ),
    );
  });

  it('gives the same messages when every byte comes alone', () => {
    const messages = [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(300, 7)];
    const bytes = Buffer.concat(messages.map(framed));
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    expect(readAll(new MessageReader(1000, 'the request'), pieces)).toEqual(messages);
  });

  it('puts a message of several megabytes together', () => {
    const message = Buffer.alloc(5_000_000);
    for (let i = 0; i < message.length; i += 4) message.writeUInt32LE(i, i);
    const bytes = framed(message);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 16_384)
      pieces.push(Buffer.from(bytes.subarray(at, at + 16_384)));
    const [read] = readAll(new MessageReader(16 << 20, 'the reply', 'backend'), pieces);
    expect(read?.equals(message)).toBe(true);
  });

  it('tells of a long message as it grows, until it is whole', () => {
    const message = Buffer.alloc(3_000, 'abcdefg');
    const sizes: number[] = [];
    const reader = new MessageReader(4_000, 'the reply', 'backend', (held, sizeBytes) => {
      expect(held.compare(message, 0, sizeBytes, 0, sizeBytes)).toBe(0);
      sizes.push(sizeBytes);
    });
    expect(readAll(reader, split(framed(message), [4, 1_005, 2_005]))).toEqual([message]);
    expect(sizes).toEqual([1_000, 2_000]);
  });

  it('does not claim the memory of a long message at the word of its prefix', () => {
    const MIB = 1024 * 1024;
    const sizeBytes = 16 * MIB;
    const claimed: number[] = [];
    const reader = new MessageReader(sizeBytes, 'the reply', 'backend', (held) => claimed.push(held.length));
    const prefix = framed(Buffer.alloc(sizeBytes)).subarray(0, PREFIX_BYTES);
    readAll(reader, [Buffer.from(prefix)]);
    expect(claimed).toEqual([]);
    readAll(reader, [Buffer.alloc(1), Buffer.alloc(MIB - 1)]);
    expect(claimed).toHaveLength(2);
    for (const claimedBytes of claimed) expect(claimedBytes).toBeLessThan(2 * MIB);
    readAll(reader, [Buffer.alloc(MIB)]); // now it is believed
    expect(claimed.at(-1)).toBeGreaterThanOrEqual(sizeBytes);
  });

  it('does not copy a message that arrives whole', () => {
    const bytes = Buffer.concat([framed(Buffer.from('ab')), framed(Buffer.from('cde'))]);
    const seen: unknown[] = [];
    new MessageReader(10, 'the request').push(bytes, 0, bytes.length, (buffer, start, end, isOwned) =>
      seen.push([buffer === bytes, start, end, isOwned]),
    );
    expect(seen).toEqual([
      [true, 5, 7, false],
      [true, 12, 15, false],
    ]);
  });

  it('refuses a message over the limit as soon as its prefix is there', () => {
    const reader = new MessageReader(100, 'the request');
    expect(() => readAll(reader, [framed(Buffer.alloc(101)).subarray(0, 5)])).toThrow(MessageTooLargeError);
    expect(() => readAll(new MessageReader(100, 'the request'), [framed(Buffer.alloc(100))])).not.toThrow();
  });

  it('refuses compressed messages with UNIMPLEMENTED', () => {
    const bytes = framed(Buffer.from('x'));
    bytes[0] = 1;
    expect(() => readAll(new MessageReader(100, 'the request'), [bytes])).toThrow(UnimplementedError);
  });

  it('refuses an unknown flag, as the fault of whoever sent it', () => {
    const bytes = framed(Buffer.from('x'));
    bytes[0] = 2;
    for (const [from, status] of [
      ['client', 'INVALID_ARGUMENT'],
      ['backend', 'INTERNAL'],
    ] as const) {
      try {
        readAll(new MessageReader(100, 'the message', from), [Buffer.from(bytes)]);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessageError);
        expect((error as MalformedMessageError).status).toBe(status);
      }
    }
  });

  it.each([1, 4, 5, 7])('says so when the bytes end %i bytes into a message', (size) => {
    const reader = new MessageReader(100, 'the request');
    readAll(reader, [framed(Buffer.from('abcd')).subarray(0, size)]);
    expect(() => reader.finish()).toThrow(MalformedMessageError);
  });
});
