import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConnectionError, ERROR_CODE } from '../../../src/http2/connection-error.ts';
import { FrameReader, type FrameReceiver } from '../../../src/http2/frame-reader.ts';
import { frame, PADDED, PREFACE, TYPE } from '../../support/http2-raw-peer.ts';

/** Writes down frames; the pieces of a DATA frame are joined, so that splitting makes no difference. */
class Log implements FrameReceiver {
  readonly lines: string[] = [];
  private data = '';

  onDataHead(streamId: number, payloadBytes: number, flags: number): void {
    this.lines.push(`data ${streamId} ${payloadBytes} ${flags}`);
    this.data = '';
  }

  onDataPiece(buffer: Buffer, start: number, end: number, isLast: boolean): void {
    this.data += buffer.toString('hex', start, end);
    if (isLast) this.lines.push(this.data);
  }

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    this.lines.push(`${type} ${flags} ${streamId} ${buffer.toString('hex', start, end)}`);
  }
}

function log(pieces: readonly Uint8Array[]): string[] {
  const receiver = new Log();
  const reader = new FrameReader(receiver, true);
  for (const piece of pieces) {
    const copy = Buffer.from(piece);
    reader.read(copy);
    copy.fill(0xee); // a frame must not depend on a chunk that is gone
  }
  return receiver.lines;
}

const payload = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const anyFrame = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 9 }), payload(80))
    .map(([flags, id, body]) => frame(TYPE.data, flags, id, body)),
  fc
    .tuple(fc.nat(20), fc.integer({ min: 0, max: 9 }), payload(80))
    .map(([pad, id, body]) =>
      frame(TYPE.data, PADDED, id, Buffer.concat([Buffer.from([pad]), body, Buffer.alloc(pad)])),
    ),
  fc
    .tuple(fc.integer({ min: 1, max: 30 }), fc.nat(255), fc.nat(9), payload(80))
    .map(([type, flags, id, body]) => frame(type, flags, id, body)),
);

describe('the frame reader', () => {
  it('gives the same frames however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.nat(900), { maxLength: 12 }),
        (frames, cuts) => {
          const bytes = Buffer.concat([PREFACE, ...frames]);
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort(
            (a, b) => a - b,
          );
          const pieces = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
          expect(log(pieces)).toEqual(log([bytes]));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives the same frames at each single boundary, and byte by byte', () => {
    const bytes = Buffer.concat([
      PREFACE,
      frame(TYPE.settings, 0, 0, Buffer.from('000300000064', 'hex')),
      frame(TYPE.headers, 4, 1, Buffer.from('8286', 'hex')),
      frame(TYPE.data, 0, 1, Buffer.from('body')),
      frame(TYPE.data, PADDED, 1, Buffer.from('\x03more\0\0\0', 'latin1')),
      frame(TYPE.data, 1, 1),
      frame(77, 0, 3, Buffer.from('unknown')),
    ]);
    const whole = log([bytes]);
    expect(whole.length).toBe(9);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(log([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
    }
    expect(log([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('takes a chunk of any size behind a left-over', () => {
    const body = Buffer.alloc(16_384, 1);
    const bytes = Buffer.concat([PREFACE, ...Array.from({ length: 40 }, () => frame(TYPE.data, 0, 1, body))]);
    expect(log([bytes.subarray(0, 28), bytes.subarray(28)])).toEqual(log([bytes]));
  });

  it.each([
    ['a wrong preface', Buffer.from('GET / HTTP/1.1\r\n'), ERROR_CODE.PROTOCOL_ERROR],
    ['a preface that goes wrong late', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX'), ERROR_CODE.PROTOCOL_ERROR],
    [
      'a frame over the limit, before its payload came',
      Buffer.concat([PREFACE, Buffer.from('004001000000000001', 'hex')]),
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    [
      'a padded frame without a pad length',
      Buffer.concat([PREFACE, frame(TYPE.data, PADDED, 1)]),
      ERROR_CODE.FRAME_SIZE_ERROR,
    ],
    [
      'padding longer than the frame',
      Buffer.concat([PREFACE, frame(TYPE.data, PADDED, 1, Buffer.from([4, 0, 0, 0]))]),
      ERROR_CODE.PROTOCOL_ERROR,
    ],
  ])('refuses %s', (_, bytes, code) => {
    try {
      log([bytes]);
      expect.unreachable();
    } catch (error) {
      expect((error as ConnectionError).code).toBe(code);
    }
  });

  it('takes padding that fills the frame', () => {
    const lines = log([PREFACE, frame(TYPE.data, PADDED, 1, Buffer.from([3, 0, 0, 0]))]);
    expect(lines).toEqual([`data 1 4 ${PADDED}`, '']);
  });
});
