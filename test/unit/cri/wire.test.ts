import { describe, expect, it } from 'vitest';
import {
  encodeField,
  forEachRecord,
  hasOnlyField,
  readBytes,
  readMap,
  readString,
  readStrings,
  readVarint,
  replaceString,
} from '../../../src/cri/wire.ts';
import { MalformedMessageError } from '../../../src/errors.ts';

const ID = '6f1c'.repeat(16);

describe('readString', () => {
  it('finds the id of a request in field 1', () => {
    const request = bytes(text(1, ID), '1005');
    expect(readString(request, 0, request.length, [1])).toBe(ID);
  });

  it('reads between start and end only', () => {
    const buffer = bytes('ffff', text(1, 'web'), 'ffff');
    expect(readString(buffer, 2, 7, [1])).toBe('web');
  });

  it('says undefined where there is no such field, and an empty string where it was sent empty', () => {
    const message = bytes(text(1, ''), text(2, 'b'));
    expect(readString(message, 0, message.length, [1])).toBe('');
    expect(readString(message, 0, message.length, [3])).toBeUndefined();
    expect(readString(message, 0, 0, [1])).toBeUndefined();
  });

  it('takes the last of several strings', () => {
    const message = bytes(text(1, 'old'), text(1, 'new'));
    expect(readString(message, 0, message.length, [1])).toBe('new');
  });

  it('merges a message that comes in two parts', () => {
    const message = bytes(part(1, text(1, 'web'), text(2, 'old')), part(1, text(2, 'new')));
    expect(readString(message, 0, message.length, [1, 1])).toBe('web');
    expect(readString(message, 0, message.length, [1, 2])).toBe('new');
  });

  it('ignores a field of that number that is no string', () => {
    const message = bytes(text(1, 'web'), '0805');
    expect(readString(message, 0, message.length, [1])).toBe('web');
  });

  it('reads text beyond ASCII, from a Buffer and from a plain Uint8Array', () => {
    const message = bytes(text(1, 'größe 🚂'));
    expect(readString(message, 0, message.length, [1])).toBe('größe 🚂');
    const plain = Uint8Array.from([0, ...message]).subarray(1);
    expect(readString(plain, 0, plain.length, [1])).toBe('größe 🚂');
  });

  it('passes over groups, even nested ones, with the fields they hold', () => {
    const message = bytes('1b', text(1, 'inside'), '23', text(1, 'deeper'), '24', '1c', text(1, 'outside'));
    expect(readString(message, 0, message.length, [1])).toBe('outside');
  });
});

describe('readVarint', () => {
  it.each([
    ['0800', 0],
    ['0801', 1],
    ['08ac02', 300],
    ['08ffffffff0f', 2 ** 32 - 1],
    ['08ffffffffffffff0f', 2 ** 53 - 1],
    ['08808080808080808040', 2 ** 62],
    ['0880808080808080808001', -(2 ** 63)],
    ['08ffffffffffffffffff01', -1],
    ['08feffffffffffffffff01', -2],
    ['088080808080808000', 0],
  ])('reads %s as %d', (hex, value) => {
    const message = bytes(hex);
    expect(readVarint(message, 0, message.length, [1])).toBe(value);
  });

  it('reads the state of a filter two messages down', () => {
    const message = bytes(part(1, part(2, '0801')));
    expect(readVarint(message, 0, message.length, [1, 2, 1])).toBe(1);
  });
});

describe('readMap', () => {
  it('reads entries in any order, with a key or a value left out, the last of one key', () => {
    const message = bytes(
      part(7, text(1, 'app'), text(2, 'old')),
      part(7, text(2, 'web'), text(1, 'app')),
      part(7, text(1, 'bare')),
      part(7, text(2, 'nameless')),
    );
    expect([...readMap(message, 0, message.length, [7])]).toEqual([
      ['app', 'web'],
      ['bare', ''],
      ['', 'nameless'],
    ]);
  });

  it('takes keys that mean something to JavaScript as what they are', () => {
    const message = bytes(part(7, text(1, '__proto__'), text(2, 'x')));
    expect(readMap(message, 0, message.length, [7]).get('__proto__')).toBe('x');
  });
});

describe('readStrings and readBytes', () => {
  it('read strings below repeated messages in order', () => {
    const message = bytes(part(2, text(1, 'init'), text(2, 'a')), part(2, text(2, 'b')));
    expect(readStrings(message, 0, message.length, [2, 2])).toEqual(['a', 'b']);
  });

  it('read bytes without a copy', () => {
    const message = bytes(text(1, 'stdout'));
    const found = readBytes(message, 0, message.length, [1]);
    expect(found?.buffer).toBe(message.buffer);
    expect(Buffer.from(found ?? []).toString()).toBe('stdout');
  });
});

describe('forEachRecord and hasOnlyField', () => {
  it('lets the visitor read in the record it is told of', () => {
    const list = bytes(part(1, text(1, 'a')), '1001', part(1, text(1, 'b'), text(2, 'x')), part(1));
    const ids: (string | undefined)[] = [];
    forEachRecord(list, 0, list.length, 1, (_, bodyStart, bodyEnd) => {
      ids.push(readString(list, bodyStart, bodyEnd, [1]));
    });
    expect(ids).toEqual(['a', 'b', undefined]);
    expect(hasOnlyField(list, 0, list.length, 1)).toBe(false);
    expect(hasOnlyField(bytes(part(1), part(1)), 0, 4, 1)).toBe(true);
    expect(hasOnlyField(list, 0, 0, 1)).toBe(true);
  });

  it('stops at what the visitor throws', () => {
    const list = bytes(part(1), part(1));
    const visit = () => {
      throw new Error('enough');
    };
    expect(() => forEachRecord(list, 0, list.length, 1, visit)).toThrow('enough');
  });
});

describe('replaceString', () => {
  it('replaces in place and leaves the rest', () => {
    const message = bytes('1801', text(2, 'runc'), text(900, 'newer'), text(1, 'a'));
    expect(hex(replaceString(message, [2], 'kata-qemu'))).toBe(
      hex(bytes('1801', text(2, 'kata-qemu'), text(900, 'newer'), text(1, 'a'))),
    );
  });

  it('adds what is missing, with the messages around it', () => {
    expect(hex(replaceString(bytes('1801'), [2], 'runc'))).toBe(hex(bytes('1801', text(2, 'runc'))));
    expect(hex(replaceString(bytes('1801'), [1, 2, 3], 'x'))).toBe(
      hex(bytes('1801', part(1, part(2, text(3, 'x'))))),
    );
    expect(hex(replaceString(bytes(part(1, '1801')), [1, 2], 'x'))).toBe(
      hex(bytes(part(1, '1801', text(2, 'x')))),
    );
  });

  it('mends the lengths of the messages around it, also when they need another byte', () => {
    const long = 'x'.repeat(200);
    const message = bytes(part(1, part(4, text(1, 'short')), '1801'), text(2, 'y'));
    const expected = bytes(part(1, part(4, text(1, long)), '1801'), text(2, 'y'));
    expect(hex(replaceString(message, [1, 4, 1], long))).toBe(hex(expected));
    expect(hex(replaceString(expected, [1, 4, 1], 'short'))).toBe(hex(message));
  });

  it('removes all occurrences for an empty string, but not the message around them', () => {
    const message = bytes(part(1, text(2, 'old')), part(1, text(2, 'new'), '1801'));
    expect(hex(replaceString(message, [1, 2], ''))).toBe(hex(bytes(part(1), part(1, '1801'))));
    expect(replaceString(message, [5], '')).toBe(message);
  });

  it('does not touch the message it was given', () => {
    const message = bytes(text(1, 'old'));
    replaceString(message, [1], 'new');
    expect(hex(message)).toBe(hex(bytes(text(1, 'old'))));
  });
});

describe('bytes that are no message', () => {
  it.each([
    ['a string longer than the message', '0a05616263'],
    ['a length with no end', '0aff'],
    ['a length beyond all memory', '0affffffffffffffff7f'],
    ['a negative length', '0affffffffffffffffff01'],
    ['a length that leads back to its own tag', '0af5ffffffffffffffff01'],
    ['a number with no end', '08ff'],
    ['a number of eleven bytes', '08ffffffffffffffffffff01'],
    ['a number of more than 64 bits', '08ffffffffffffffffff02'],
    ['a cut off fixed64', '0901020304050607'],
    ['a cut off fixed32', '0d010203'],
    ['field number 0', '0200'],
    ['a field number of more than 29 bits', '828080801000'],
    ['wire type 6', '0e'],
    ['wire type 7', '0f'],
    ['the end of a group that did not start', '0c'],
    ['a group without an end', '0b0801'],
    ['a group that ends as another', '0b14'],
    ['groups nested too deeply', '0b'.repeat(65) + '0c'.repeat(65)],
    ['a tag with no end', 'ffffffffff'],
  ])('are refused: %s', (_, broken) => {
    const message = bytes(text(1, 'before'), broken);
    const end = message.length;
    expect(() => readString(message, 0, end, [1])).toThrow(MalformedMessageError);
    expect(() => readMap(message, 0, end, [2])).toThrow(MalformedMessageError);
    expect(() => hasOnlyField(message, 0, end, 5)).toThrow(MalformedMessageError);
    expect(() => replaceString(message, [1], 'x')).toThrow(MalformedMessageError);
  });

  it('do not include groups nested to a bearable depth', () => {
    const message = bytes('0b'.repeat(64), '0c'.repeat(64), text(1, 'behind'));
    expect(readString(message, 0, message.length, [1])).toBe('behind');
  });

  it('are the fault of the client unless someone knows better', () => {
    expect(() => readString(bytes('0a'), 0, 1, [1])).toThrow(
      expect.objectContaining({ status: 'INVALID_ARGUMENT' }),
    );
  });
});

/** Hex and byte pieces, one after the other. */
function bytes(...pieces: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'hex') : piece)),
  );
}

/** A string field. */
function text(number: number, value: string): Uint8Array {
  return encodeField(number, Buffer.from(value));
}

/** A message field. */
function part(number: number, ...pieces: (string | Uint8Array)[]): Uint8Array {
  return encodeField(number, bytes(...pieces));
}

function hex(message: Uint8Array): string {
  return Buffer.from(message).toString('hex');
}
