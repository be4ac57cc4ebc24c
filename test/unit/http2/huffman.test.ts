import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodedString, decodeHuffman, huffmanSizeBytes, writeHuffman } from '../../../src/http2/huffman.ts';

function code(text: string): Buffer {
  const target = Buffer.alloc(huffmanSizeBytes(text) + 8, 0xaa);
  const end = writeHuffman(text, target, 0);
  if (end !== huffmanSizeBytes(text)) throw new Error('the announced size is wrong');
  return target.subarray(0, end);
}

function decoded(coded: Buffer): string {
  const size = decodeHuffman(coded, 0, coded.length);
  return decodedString().toString('latin1', 0, size);
}

describe('Huffman coding', () => {
  it('codes as the examples of RFC 7541 do', () => {
    expect(code('www.example.com').toString('hex')).toBe('f1e3c2e5f23a6ba0ab90f4ff');
    expect(code('no-cache').toString('hex')).toBe('a8eb10649cbf');
    expect(code('Mon, 21 Oct 2013 20:13:21 GMT').toString('hex')).toBe(
      'd07abe941054d444a8200595040b8166e082a62d1bff',
    );
  });

  it('gives back every string of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        const coded = code(text);
        expect(decoded(coded)).toBe(text);
      }),
    );
  });

  it('gives back each single byte, behind each other byte', () => {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const text = String.fromCharCode(first, second);
        const coded = code(text);
        if (decoded(coded) !== text) throw new Error(`lost ${first} ${second}`);
      }
    }
  });
});
