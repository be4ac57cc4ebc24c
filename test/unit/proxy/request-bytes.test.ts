import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedBudget } from '../../../src/http2/shared-budget.ts';
import { RequestBytes } from '../../../src/proxy/request-bytes.ts';

describe('the bytes of a request', () => {
  it('are all parts in their order, however the request was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 6 }), (parts) => {
        const request = new RequestBytes();
        const share = new SharedBudget(1e6, 0).join();
        const read = Buffer.alloc(500);
        let sizeBytes = 0;
        for (const part of parts) {
          read.fill(0xff); // the buffer that all reads use
          read.set(part, 7);
          request.append(read, 7, 7 + part.length, share);
          sizeBytes += part.length;
          expect(request.sizeBytes).toBe(sizeBytes);
        }
        request.complete();
        expect(request.sizeBytes).toBe(sizeBytes);
        expect(request.buffer.subarray(request.start, request.end)).toEqual(Buffer.concat(parts));
        expect(request.own()).toEqual(Buffer.concat(parts));
      }),
    );
  });

  it('stay as they came once they are owned, although the buffer they were read into is used again', () => {
    const read = Buffer.from('..the request..');
    const request = new RequestBytes();
    request.borrow(read, 2, 13);
    expect(request.sizeBytes).toBe(11);
    expect(request.buffer).toBe(read);
    const owned = request.own();
    read.fill(0);
    expect(owned.toString()).toBe('the request');
    expect(request.own()).toBe(owned);
    expect(request.buffer.subarray(request.start, request.end).toString()).toBe('the request');
  });

  it('are refused while little has come when there is no room for all that the prefix says', () => {
    const MIB = 1024 * 1024;
    const share = new SharedBudget(20 * MIB, 0).join();
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(15 * MIB, 1);
    const part = Buffer.alloc(16 * 1024);
    const taken = [new RequestBytes(), new RequestBytes()].map((request) => {
      request.append(prefix, 0, prefix.length, share);
      let sizeBytes = 0;
      while (sizeBytes < 15 * MIB && request.append(part, 0, part.length, share)) sizeBytes += part.length;
      return sizeBytes;
    });
    expect(taken[0]).toBe(15 * MIB);
    expect(taken[1]).toBeLessThanOrEqual(64 * 1024);
  });

  it('are none when they were given up', () => {
    const request = new RequestBytes();
    const share = new SharedBudget(1e6, 0).join();
    request.append(Buffer.from('ab'), 0, 2, share);
    request.append(Buffer.from('cd'), 0, 2, share);
    expect(share.used).toBeGreaterThan(0);
    request.drop();
    expect([request.sizeBytes, request.own().length, share.used]).toEqual([0, 0, 0]);
  });
});
