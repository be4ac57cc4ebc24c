import { describe, expect, it } from 'vitest';
import { encodeField, type Path, readString } from '../../../src/cri/wire.ts';
import { forEachRecordWithId } from '../../../src/cri/wire-ids.ts';
import { MalformedMessageError } from '../../../src/errors.ts';

const ID = '6f1c'.repeat(16);
const text = (field: number, value: string) => encodeField(field, Buffer.from(value));

/** Numbers of each length on the wire, and texts around the borders of the lengths of their length. */
const NUMBERS = Array.from({ length: 10 }, (_, size) => Buffer.from([0x30, ...Array(size).fill(0x81), 0x01]));
const TEXTS = [0, 1, 127, 128, 129, 16_383, 16_384, 70_000].map((size) => text(9, 'x'.repeat(size)));
const OTHERS = [
  ...NUMBERS,
  ...TEXTS,
  text(15, 'last of the short tags'),
  text(16, 'first of the long ones'),
  Buffer.from([0x39, 1, 2, 3, 4, 5, 6, 7, 8]),
  Buffer.from([0x3d, 1, 2, 3, 4]),
  Buffer.from([0x08, 0x05]), // a number where the id should be
];

describe('forEachRecordWithId', () => {
  it('finds the id before and behind any other field', () => {
    for (const other of OTHERS) {
      expect(idsOf(encodeField(1, Buffer.concat([text(1, ID), other])))).toEqual([ID]);
      expect(idsOf(encodeField(1, Buffer.concat([other, other, text(1, ID)])))).toEqual([ID]);
    }
  });

  it('takes the last id of a record, whatever its length and the form of its tag', () => {
    for (const id of ['', 'a', 'b'.repeat(64), 'c'.repeat(127), 'd'.repeat(128), 'e'.repeat(20_000)]) {
      const long = Buffer.concat([Buffer.from([0x8a, 0x00]), text(1, id).subarray(1)]);
      for (const last of [text(1, id), long]) {
        expect(idsOf(encodeField(1, Buffer.concat([text(1, ID), last, text(2, ID)])))).toEqual([id]);
      }
    }
  });

  it('tells of records without an id, and passes over what are no records', () => {
    const list = Buffer.concat([
      text(2, 'no record'),
      encodeField(1, text(1, 'a')),
      encodeField(1, Buffer.concat([text(2, 'no id'), text(3, 'neither')])),
      Buffer.from([0x08, 0x01]),
      encodeField(1, text(1, 'b')),
      encodeField(1, Buffer.alloc(0)),
    ]);
    expect(idsOf(list)).toEqual(['a', undefined, 'b', undefined]);
  });

  it('finds ids in a message within the record, in whichever part of it they are', () => {
    const parts = [encodeField(1, text(1, 'old')), encodeField(1, text(1, ID)), encodeField(1, text(2, 'x'))];
    expect(idsOf(encodeField(1, Buffer.concat(parts)), [1, 1])).toEqual([ID]);
    expect(idsOf(encodeField(1, text(2, ID)), [1, 1])).toEqual([undefined]);
  });

  it('refuses a record that is broken behind its id', () => {
    for (const broken of [
      [0x12, 0x05, 1],
      [0x30, ...Array(10).fill(0xff), 1],
      [0x07],
      [0x00, 0x00],
      [0x3d, 1],
    ]) {
      const list = encodeField(1, Buffer.concat([text(1, ID), Buffer.from(broken)]));
      expect(() => idsOf(list)).toThrow(MalformedMessageError);
    }
  });
});

/** The ids found, which must be those that reading each record by itself finds. */
function idsOf(list: Uint8Array, path: Path = [1]): (string | undefined)[] {
  const buffer = Buffer.concat([Buffer.from([0xff]), list, Buffer.from([0xff])]);
  const ids: (string | undefined)[] = [];
  forEachRecordWithId(buffer, 1, buffer.length - 1, 1, path, (_, bodyStart, bodyEnd, idStart, idEnd) => {
    const id = idStart < 0 ? undefined : buffer.toString('utf8', idStart, idEnd);
    expect(readString(buffer, bodyStart, bodyEnd, path)).toBe(id);
    ids.push(id);
  });
  return ids;
}
