// Hostile backends: connections that end all the time, that take no calls, or that are not HTTP/2.
import { frame, settings, TYPE, uint32 } from '../../support/http2-raw-peer.ts';
import type { BackendAttack } from '../attack.ts';
import { answerOf, windowUpdate } from '../attack-frames.ts';

const goaway = (lastId: number, code = 0) =>
  frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(code)]));
const HONEST_SETTINGS = settings([3, 1000]);

/** Back-off: so many connections in the first second or two, not one for each end. */
const FEW = 25;

export const BACKEND_LIFE_ATTACKS: readonly BackendAttack[] = [
  {
    attacker: 'backend',
    name: 'an end of the connection after each answer',
    source: 'reconnections without back-off',
    hangsUp: true,
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'an end of each connection at once',
    source: 'reconnections without back-off',
    hello: (connection) => {
      connection.end();
      return [];
    },
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'no SETTINGS',
    source: 'a preface without an answer',
    hello: () => [],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'no stream for anybody',
    source: 'MAX_CONCURRENT_STREAMS 0',
    hello: () => [settings([3, 0])],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'windows of zero bytes for requests',
    source: 'CVE-2019-9517, towards a client',
    hello: () => [settings([4, 0])],
    mostConnections: FEW,
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'GOAWAY before its SETTINGS',
    source: 'GOAWAY games',
    hello: () => [goaway(0)],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'GOAWAY behind its SETTINGS',
    source: 'GOAWAY games',
    hello: () => [HONEST_SETTINGS, goaway(0)],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'GOAWAY after each answer',
    source: 'GOAWAY games',
    answer: ({ streamId, rpc }) =>
      rpc === 'Version' ? [...answerOf(streamId, Buffer.alloc(0)), goaway(streamId)] : undefined,
    reconnects: true,
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'GOAWAY for every call, as if it had done nothing',
    source: 'GOAWAY games',
    answer: ({ rpc }) => (rpc === 'Version' ? undefined : [goaway(0)]),
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'GOAWAYs with a last stream that goes up and down',
    source: 'GOAWAY games',
    answer: ({ rpc, streamId }) =>
      rpc === 'Version'
        ? undefined
        : [goaway(streamId), goaway(2 ** 31 - 1), goaway(streamId + 100), goaway(1)],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'a window that is too large',
    source: 'RFC 9113 section 6.9.1',
    hello: () => [HONEST_SETTINGS, windowUpdate(0, 2 ** 31 - 1)],
    mostConnections: FEW,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'HTTP/1',
    source: 'docker.sock and the like',
    hello: () => [Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')],
    mostConnections: FEW,
    peakMiB: 160,
  },
];
