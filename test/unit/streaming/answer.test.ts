import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { AnswerBody, parseAnswer } from '../../../src/streaming/answer.ts';

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;

describe('the head of an answer', () => {
  test.each([
    ['HTTP/1.1 101 Switching Protocols', 101],
    ['HTTP/1.0 404 Not Found', 404],
    ['HTTP/1.1 500', 500],
    ['HTTP/2 200', undefined],
    ['SSH-2.0-OpenSSH', undefined],
    ['HTTP/1.1 20 x', undefined],
    ['HTTP/1.1 099 x', undefined],
  ])('%s has status %s', (line, status) => {
    expect(parseAnswer(head(line))?.status).toBe(status);
  });

  test.each([
    [['Content-Length: 5'], { kind: 'bytes', sizeBytes: 5 }],
    [['Content-Length: 5', 'content-length: 5'], { kind: 'bytes', sizeBytes: 5 }],
    [['Transfer-Encoding: Chunked'], { kind: 'chunked' }],
    [[], { kind: 'close' }],
    [['Content-Length: 5', 'Content-Length: 6'], undefined],
    [['Content-Length: 5, 6'], undefined],
    [['Content-Length: -1'], undefined],
    [['Transfer-Encoding: gzip, chunked'], undefined],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], undefined],
    [['Transfer-Encoding: chunked', 'Content-Length: 5'], undefined],
  ])('says how long the body is: %j', (fields, body) => {
    expect(parseAnswer(head('HTTP/1.1 403 No', ...fields))?.body).toEqual(body);
  });
});

describe('the body of an answer', () => {
  /** Takes the bytes in pieces that end at these places; returns those of the body. */
  function bodyOf(body: AnswerBody, bytes: Buffer, cuts: readonly number[]): string {
    const ends = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].sort((a, b) => a - b);
    let [from, taken] = [0, ''];
    for (const to of ends) {
      const piece = bytes.subarray(from, to);
      taken += piece.toString('latin1', 0, body.take(piece));
      from = to;
    }
    return taken;
  }

  it('ends at the same byte however it is cut into pieces, whatever follows', () => {
    const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 300 });
    const follows = fc.string({ unit: 'binary-ascii' });
    fc.assert(
      fc.property(fc.array(chunk), fc.array(fc.nat()), follows, (chunks, cuts, more) => {
        const parts = chunks.map((text) => `${text.length.toString(16)};a=b\r\n${text}\r\n`);
        const chunked = `${parts.join('')}0\r\nX: y\r\n\r\n`;
        const body = new AnswerBody({ kind: 'chunked' });
        expect(bodyOf(body, Buffer.from(chunked + more, 'latin1'), cuts)).toBe(chunked);
        expect(body.end).toBe('whole');
        const plain = chunks.join('');
        const sized = new AnswerBody({ kind: 'bytes', sizeBytes: plain.length });
        expect(bodyOf(sized, Buffer.from(`${plain}${more}x`, 'latin1'), cuts)).toBe(plain);
        expect(sized.end).toBe('whole');
      }),
    );
  });

  it.each([
    'g\r\n',
    '-1\r\n',
    '0x3\r\nabc\r\n',
    '3\nabc\r\n0\r\n\r\n',
    '3\r\nabcd\r\n',
    '3\r\nabc\n0\r\n\r\n',
    `${'1'.repeat(13)}\r\n`,
    `3;${'x'.repeat(5_000)}\r\n`,
    `0\r\n${`X: ${'y'.repeat(1_000)}\r\n`.repeat(40)}`,
  ])('is broken where its chunks make no sense or their lines have no end: %j', (text) => {
    const body = new AnswerBody({ kind: 'chunked' });
    body.take(Buffer.from(text));
    expect(body.end).toBe('broken');
  });
});
