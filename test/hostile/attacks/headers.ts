// Attacks with header blocks: without an end, or far larger than they look.
import { END_HEADERS, END_STREAM, frame, TYPE } from '../../support/http2-raw-peer.ts';
import type { ClientAttack } from '../attack.ts';
import { headersOf, times } from '../attack-frames.ts';
import { hpackBomb, huffmanBomb, insertion, TABLE_SWINGS } from '../header-bombs.ts';

const request = headersOf('Version');
const someFields = Buffer.concat(times(400, () => headersOf('Version').subarray(0, 20)));

export const HEADER_ATTACKS: readonly ClientAttack[] = [
  {
    attacker: 'client',
    name: 'CONTINUATION frames without end',
    source: 'CVE-2024-27316',
    connections: 4,
    burst: ({ bursts }) =>
      bursts === 0
        ? [frame(TYPE.headers, 0, 1, request)]
        : times(50, () => frame(TYPE.continuation, 0, 1, someFields)),
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
  {
    attacker: 'client',
    name: 'empty CONTINUATION frames without end',
    source: 'CVE-2024-27316, CVE-2019-9518',
    connections: 4,
    burst: ({ bursts }) =>
      bursts === 0 ? [frame(TYPE.headers, 0, 1, request)] : times(500, () => frame(TYPE.continuation, 0, 1)),
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
  {
    attacker: 'client',
    name: 'header blocks that are begun and never ended, on 300 connections',
    source: 'memory of unfinished blocks',
    connections: 300,
    reads: false, // the ack of SETTINGS would stand within the block
    burst: ({ bursts }) =>
      bursts === 0
        ? [
            frame(TYPE.headers, 0, 1, request),
            ...times(3, () => frame(TYPE.continuation, 0, 1, Buffer.alloc(16_000))),
          ]
        : undefined,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'a header block of 16 KB that means 60 MB',
    source: 'HPACK bomb, CVE-2016-6581',
    connections: 2,
    burst: (connection) => [
      frame(TYPE.headers, END_HEADERS | END_STREAM, connection.nextId(), Buffer.concat([insertion, request])),
      ...times(4, () => frame(TYPE.headers, END_HEADERS | END_STREAM, connection.nextId(), hpackBomb)),
    ],
    peakMiB: 160,
  },
  {
    attacker: 'client',
    name: 'a header table that is emptied and filled in each block',
    source: 'RFC 7541 section 4.3',
    burst: (connection) =>
      times(10, () =>
        frame(
          TYPE.headers,
          END_HEADERS | END_STREAM,
          connection.nextId(),
          Buffer.concat([TABLE_SWINGS, request]),
        ),
      ),
    peakMiB: 160,
  },
  {
    attacker: 'client',
    name: 'Huffman codes of 60 KB',
    source: 'RFC 7541 section 5.2',
    connections: 2,
    burst: (connection) => huffmanBomb(connection.nextId()),
    peakMiB: 160,
  },
];
