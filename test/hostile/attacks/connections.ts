// Attacks with connections: many of them, unfinished ones, and those that speak something else.
import { block, END_HEADERS, frame, PREFACE, settings, TYPE, uint32 } from '../../support/http2-raw-peer.ts';
import type { ClientAttack } from '../attack.ts';
import { callOf, requestMessage, times } from '../attack-frames.ts';

const version = callOf('Version', requestMessage());
const SLOW_TALK = Buffer.concat([PREFACE, settings(), ...version(1)]);

/** What peers say that took the socket for another one's: HTTP/1, TLS, HTTP/2 without its preface, noise. */
const OTHER_TONGUES: readonly Buffer[] = [
  Buffer.from('GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  Buffer.from('16030100f8010000f40303', 'hex'),
  settings(),
  Buffer.alloc(4_096, 0xa5),
];

export const CONNECTION_ATTACKS: readonly ClientAttack[] = [
  {
    attacker: 'client',
    name: '4,000 halves of a preface',
    source: 'connections that are held for ever',
    connections: 4_000,
    hello: () => [PREFACE.subarray(0, 10)],
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'connections that come and go',
    source: 'accept flood',
    connections: 50,
    hello: () => [PREFACE, settings()],
    leaves: true,
    returnsAfterMs: 1,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'other protocols',
    source: 'peers that took the socket for another one',
    connections: 4,
    hello: ({ lane }) => [OTHER_TONGUES[lane] ?? Buffer.alloc(0)],
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'PROTOCOL_ERROR' },
  },
  {
    attacker: 'client',
    name: 'clients that send a byte at a time',
    source: 'slow loris',
    connections: 200,
    reads: false, // the ack of SETTINGS would stand among the bytes
    hello: () => [],
    burst: ({ bursts }) => [SLOW_TALK.subarray(bursts, bursts + 1)],
    everyMs: 5,
    peakMiB: 160,
  },
  {
    attacker: 'client',
    name: 'frames that are said to have 16 MB',
    source: 'RFC 9113 section 4.2',
    burst: () => [Buffer.from('ffffff000000000001', 'hex'), Buffer.alloc(16_384)],
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'FRAME_SIZE_ERROR' },
  },
  {
    attacker: 'client',
    name: 'promises to push',
    source: 'RFC 9113 section 8.4',
    burst: () =>
      times(10, () => frame(TYPE.push, END_HEADERS, 1, Buffer.concat([uint32(2), block([':path', '/'])]))),
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'PROTOCOL_ERROR' },
  },
  {
    attacker: 'client',
    name: 'calls behind its own GOAWAY',
    source: 'GOAWAY games',
    connections: 4,
    burst: (connection) => [
      frame(TYPE.goaway, 0, 0, Buffer.alloc(8)),
      ...times(20, () => version(connection.nextId())),
    ],
    everyMs: 10,
    peakMiB: 200,
  },
];
