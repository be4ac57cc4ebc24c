import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageTooLargeError } from '../../../src/errors.ts';
import { framed } from '../../../src/grpc/message.ts';
import { MessageLimit } from '../../../src/grpc/message-limit.ts';

describe('MessageLimit', () => {
  it('lets messages up to the limit pass and stops the first longer one, however the bytes are split', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (lengths, cuts) => {
        const bytes = Buffer.concat(lengths.map((length) => framed(Buffer.alloc(length, 1))));
        const limit = new MessageLimit(20, 'the reply');
        const run = () => {
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const end = Math.min(bytes.length, at + (cuts[turn % cuts.length] ?? 1));
            limit.pass(bytes, at, end);
            at = end;
          }
        };
        if (lengths.some((length) => length > 20)) expect(run).toThrow(MessageTooLargeError);
        else run();
      }),
    );
  });

  it('names the message and what to do', () => {
    const limit = new MessageLimit(10, 'the reply of backend a');
    expect(() => limit.pass(framed(Buffer.alloc(11)), 0, 16)).toThrow(
      'the reply of backend a has 11 bytes, the limit is 10 bytes',
    );
  });
});
