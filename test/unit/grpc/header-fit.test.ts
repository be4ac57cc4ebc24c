import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sendTrailers } from '../../../src/grpc/header-fit.ts';
import { decodeStatusMessage, encodeStatusMessage, trailers } from '../../../src/grpc/status.ts';
import { Field } from '../../../src/http2/field.ts';
import { NO_LIST_LIMIT_BYTES } from '../../../src/http2/limits.ts';

const LIMIT_BYTES = 8192;

/** What reaches a client that takes so much. */
function sent(list: readonly Field[], limitBytes: number): readonly Field[] {
  let got: readonly Field[] = [];
  const sendHeaders = (fields: readonly Field[]) => {
    got = fields;
  };
  sendTrailers({ peerHeaderListBytes: limitBytes, sendHeaders }, list);
  return got;
}

const sizeOf = (list: readonly Field[]) => list.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
const messageOf = (list: readonly Field[]) =>
  decodeStatusMessage(list.find(({ name }) => name === 'grpc-message')?.value ?? '');
const namesOf = (list: readonly Field[]) => list.map(({ name }) => name);

describe('trailers for a client that limits its header lists', () => {
  it.each([NO_LIST_LIMIT_BYTES, LIMIT_BYTES])('that fit into %i bytes go as they are', (limitBytes) => {
    const list = trailers('NOT_FOUND', 'x'.repeat(4000));
    expect(sent(list, limitBytes)).toBe(list);
  });

  it('go as they are to one that names no limit, however long', () => {
    const list = trailers('NOT_FOUND', 'x'.repeat(1_000_000));
    expect(sent(list, NO_LIST_LIMIT_BYTES)).toBe(list);
  });

  it('have their message shortened, which says so', () => {
    const got = sent(trailers('NOT_FOUND', `no such image: ${'x'.repeat(20_000)}`), LIMIT_BYTES);
    expect(sizeOf(got)).toBe(LIMIT_BYTES);
    expect(messageOf(got)).toMatch(
      /^no such image: x+ \[switchyard: shortened from 20015 bytes: this client takes 8192 bytes of headers\]$/,
    );
  });

  it('lose their longest metadata where it leaves no room, and the message says which', () => {
    const details = new Field('grpc-status-details-bin', 'd'.repeat(9000));
    const got = sent([...trailers('INTERNAL', 'broken'), new Field('x-short', '1'), details], LIMIT_BYTES);
    expect(namesOf(got)).toEqual(['grpc-status', 'x-short', 'grpc-message']);
    expect(messageOf(got)).toBe(
      'broken [switchyard: left out grpc-status-details-bin of 9000 bytes: this client takes 8192 bytes of headers]',
    );
  });

  it('keep metadata that fits beside a shortened message', () => {
    const details = new Field('grpc-status-details-bin', 'd'.repeat(3000));
    const got = sent([...trailers('INTERNAL', 'm'.repeat(9000)), details], LIMIT_BYTES);
    expect(got).toContain(details);
    expect(sizeOf(got)).toBe(LIMIT_BYTES);
  });

  it('keep the beginning of the message before metadata', () => {
    const details = new Field('grpc-status-details-bin', 'd'.repeat(8000));
    const got = sent([...trailers('INTERNAL', `why: ${'m'.repeat(600)}`), details], LIMIT_BYTES);
    expect(messageOf(got)).toMatch(
      /^why: m{600} \[switchyard: left out grpc-status-details-bin of 8000 bytes/,
    );
  });

  it('name three of many fields that were left out, by the beginning of a long name', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => new Field(name.repeat(1000), 'v'.repeat(3000)));
    const got = sent([...trailers('INTERNAL', ''), ...many], 1000);
    expect(messageOf(got)).toMatch(
      /left out a{60} of 3000 bytes, b{60} of .*, c{60} of 3000 bytes, 2 more: /,
    );
  });

  it('say it in a message also when the call went well', () => {
    const got = sent([...trailers('OK', ''), new Field('x-long', 'v'.repeat(9000))], LIMIT_BYTES);
    expect(got[0]?.value).toBe('0');
    expect(messageOf(got)).toContain('left out x-long of 9000 bytes');
  });

  it('keep the status whatever the limit, and :status and content-type before it', () => {
    const list = [new Field(':status', '200'), new Field('content-type', 'application/grpc')];
    for (const limitBytes of [0, 1, 150, 200]) {
      const got = sent([...list, ...trailers('NOT_FOUND', 'x'.repeat(500))], limitBytes);
      expect(namesOf(got).slice(0, 3)).toEqual([':status', 'content-type', 'grpc-status']);
      expect(sizeOf(got)).toBeLessThanOrEqual(Math.max(limitBytes, 150));
    }
  });

  it('are within the limit, with no character cut in two, for any message and metadata', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 100, maxLength: 1500 }),
        fc.array(fc.nat(2000), { maxLength: 5 }),
        fc.integer({ min: 400, max: 3000 }),
        (text, sizes, limitBytes) => {
          const metadata = sizes.map((size, i) => new Field(`x-${i}`, 'v'.repeat(size)));
          const got = sent([...trailers('INTERNAL', text), ...metadata], limitBytes);
          expect(sizeOf(got)).toBeLessThanOrEqual(limitBytes);
          const [own = ''] = messageOf(got).split(' [switchyard: ');
          expect(text.startsWith(own)).toBe(true);
          expect(got[0]?.name).toBe('grpc-status');
        },
      ),
    );
  });

  it('are cut between the characters of a message that is not percent-coded', () => {
    const latin1 = Buffer.from('ü'.repeat(600)).toString('latin1');
    const list = [...trailers('INTERNAL', ''), new Field('grpc-message', latin1)];
    for (const limitBytes of [600, 601])
      expect(messageOf(sent(list, limitBytes))).toMatch(/^ü+ \[switchyard/);
    expect(encodeStatusMessage('ü')).not.toBe('ü');
  });
});
