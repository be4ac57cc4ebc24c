import { describe, expect, it } from 'vitest';
import {
  backendRequestFields,
  forwardedBytes,
  forwardedFields,
  isForwardedResponse,
} from '../../../src/grpc/metadata.ts';
import { Field } from '../../../src/http2/field.ts';

const pairs = (fields: readonly Field[]) => fields.map((f) => `${f.name}: ${f.value}`);

describe('request metadata', () => {
  it.each([
    'traceparent',
    'authorization',
    'x-y-bin',
    'content-type',
    'user-agent',
    'grpc-encoding',
    'grpc-tags-bin',
  ])('crosses the hop: %s', (name) => {
    expect(pairs(forwardedFields([new Field(name, 'v')]))).toEqual([`${name}: v`]);
  });

  it.each([
    ':path',
    ':method',
    ':scheme',
    ':authority',
    'te',
    'connection',
    'keep-alive',
    'upgrade',
    'content-length',
    'host',
    'grpc-timeout',
    'grpc-accept-encoding',
  ])('stays on its hop: %s', (name) => {
    expect(forwardedFields([new Field(name, 'v')])).toEqual([]);
  });

  it.each([
    ['one long value', [new Field('a', 'v'.repeat(60_000))], 60_000],
    ['many short fields', Array.from({ length: 200 }, (_, i) => new Field(`x${i}`, '')), 200 * 100],
  ])('takes at least its strings and objects in memory: %s', (_, list, leastBytes) => {
    forwardedFields(list);
    const bytes = forwardedBytes();
    expect(bytes).toBeGreaterThan(leastBytes);
    expect(bytes).toBeLessThan(2.5 * leastBytes);
    forwardedFields(list);
    expect(forwardedBytes()).toBe(bytes);
    forwardedFields([]);
    expect(forwardedBytes()).toBe(0);
  });

  it('is one array for calls with the same fields, and another as soon as one differs', () => {
    const path = new Field(':path', '/a.B/C');
    const [a, b, c] = [new Field('a', '1'), new Field('b', '2'), new Field('c', '3')] as const;
    const first = forwardedFields([path, a, b]);
    expect(forwardedFields([path, a, new Field('grpc-timeout', '1S'), b])).toBe(first);
    for (const other of [[a], [a, b, c], [b, a], [a, c], [], [a, new Field('b', '2')]]) {
      expect(forwardedFields([path, ...other])).toEqual(other);
    }
    expect(first).toEqual([a, b]);
  });
});

describe('the headers for a backend', () => {
  it('carry the path, the content type of the client, the time left and the metadata in order', () => {
    const metadata = [
      new Field('user-agent', 'grpc-go/1'),
      new Field('content-type', 'application/grpc+proto'),
      new Field('b', '1'),
      new Field('a', '2', true),
    ];
    const fields = backendRequestFields('/a.B/C', metadata, new Field('grpc-timeout', '1999m'));
    expect(pairs(fields)).toEqual([
      ':method: POST',
      ':scheme: http',
      ':path: /a.B/C',
      ':authority: localhost',
      'content-type: application/grpc+proto',
      'te: trailers',
      'grpc-timeout: 1999m',
      'user-agent: grpc-go/1',
      'b: 1',
      'a: 2',
    ]);
    expect(fields.at(-1)?.neverIndexed).toBe(true);
  });

  it('say application/grpc and no timeout where the client said nothing', () => {
    expect(pairs(backendRequestFields(new Field(':path', '/a.B/C'), [], undefined))).toEqual([
      ':method: POST',
      ':scheme: http',
      ':path: /a.B/C',
      ':authority: localhost',
      'content-type: application/grpc',
      'te: trailers',
    ]);
  });

  it('are those of the call at hand, whatever the calls before it had', () => {
    const plain: readonly Field[] = [new Field('user-agent', 'kubelet')];
    const other = [new Field('content-type', 'application/grpc+proto'), new Field('traceparent', '00-1')];
    const rest = { plain: ['user-agent: kubelet'], other: ['traceparent: 00-1'], none: [] };
    const kinds = { plain, other, none: [] };
    for (const kind of ['plain', 'plain', 'other', 'plain', 'none', 'none', 'other', 'other'] as const) {
      for (const timeout of ['1S', '2S', undefined, undefined, '3S']) {
        const path = `/a.B/${kind}${timeout}`;
        const field = timeout === undefined ? undefined : new Field('grpc-timeout', timeout);
        expect(pairs(backendRequestFields(path, kinds[kind], field)).slice(2)).toEqual([
          `:path: ${path}`,
          ':authority: localhost',
          kind === 'other' ? 'content-type: application/grpc+proto' : 'content-type: application/grpc',
          'te: trailers',
          ...(timeout === undefined ? [] : [`grpc-timeout: ${timeout}`]),
          ...rest[kind],
        ]);
      }
    }
  });
});

describe('reply fields', () => {
  it('cross the hop but for those of the connection', () => {
    const names = [
      ':status',
      'content-type',
      'grpc-status',
      'grpc-message',
      'grpc-status-details-bin',
      'x',
      'date',
    ];
    for (const name of names) expect(isForwardedResponse(new Field(name, 'v'))).toBe(true);
    for (const name of ['connection', 'transfer-encoding', 'content-length']) {
      expect(isForwardedResponse(new Field(name, 'v'))).toBe(false);
    }
  });
});
