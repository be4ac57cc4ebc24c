// Attacks with slowness: windows that stay shut or open byte by byte, answers that nobody reads, requests in crumbs.
import { frame, PADDED, PREFACE, settings, TYPE, uint32 } from '../../support/http2-raw-peer.ts';
import type { ClientAttack } from '../attack.ts';
import { callOf, openOf, requestMessage, text, times, windowUpdate } from '../attack-frames.ts';

const version = callOf('Version', requestMessage());
const list = callOf('ListPodSandbox', requestMessage());
const status = callOf('ContainerStatus', requestMessage(text(1, 'f'.repeat(64))));
const events = callOf('GetContainerEvents', requestMessage());
const open = openOf('ListContainers');

const MIB = 1024 * 1024;
/** The beginning of a message of so many bytes. */
const beginning = (sizeBytes: number) => Buffer.concat([Buffer.from([0]), uint32(sizeBytes)]);

export const STALL_ATTACKS: readonly ClientAttack[] = [
  {
    attacker: 'client',
    name: 'windows of zero bytes for large lists',
    source: 'CVE-2019-9517, zero window',
    connections: 4,
    hello: () => [PREFACE, settings([4, 0])],
    burst: (connection) =>
      connection.newestId < 200 ? times(20, () => list(connection.nextId())) : undefined,
    peakMiB: 400,
  },
  {
    attacker: 'client',
    name: '12,000 calls whose answers have no room',
    source: 'CVE-2019-9517, the limit of calls in flight used up for all',
    connections: 4,
    hello: () => [PREFACE, settings([4, 0])],
    burst: (connection) =>
      connection.newestId < 6_000 ? times(100, () => version(connection.nextId())) : undefined,
    peakMiB: 250,
  },
  {
    attacker: 'client',
    name: 'windows that open byte by byte',
    source: 'CVE-2019-9511, data dribble',
    connections: 2,
    hello: (connection) => [PREFACE, settings([4, 1]), ...times(500, () => status(connection.nextId()))],
    burst: () => times(500, (index) => windowUpdate(2 * index + 1, 1)),
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'large lists that are not read',
    source: 'CVE-2019-9517, internal data buffering',
    connections: 8,
    reads: false,
    hello: () => [PREFACE, settings([4, 2 ** 31 - 1]), windowUpdate(0, 2 ** 30)],
    burst: (connection) =>
      connection.newestId < 100 ? times(10, () => list(connection.nextId())) : undefined,
    peakMiB: 300,
  },
  {
    attacker: 'client',
    name: '1,000 streams of events that are not read',
    source: 'queues of slow event clients',
    connections: 10,
    reads: false,
    burst: (connection) =>
      connection.bursts === 0 ? times(100, () => events(connection.nextId())) : undefined,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'DATA that is all padding',
    source: 'RFC 9113 section 10.7',
    burst: (connection) => {
      if (connection.bursts === 0) return [open(connection.nextId())];
      return times(100, () =>
        frame(TYPE.data, PADDED, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])),
      );
    },
    peakMiB: 160,
  },
  {
    attacker: 'client',
    name: 'a request of 16 MiB in frames of one byte',
    source: 'buffers for each frame',
    connections: 2,
    burst: (connection) => {
      if (connection.bursts > 0) return connection.crumbsWithin(1, 4_000);
      const id = connection.nextId();
      return [open(id), frame(TYPE.data, 0, id, beginning(16 * MIB - 5))];
    },
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: '40 requests of 15 MiB that lack their last byte',
    source: 'bytes of unfinished requests over all connections',
    connections: 10,
    burst: (connection) => {
      if (connection.bursts === 0) {
        return times(4, () => {
          const id = connection.nextId();
          return [open(id), frame(TYPE.data, 0, id, beginning(15 * MIB))];
        });
      }
      if (connection.memory >= 4 * 15 * MIB - 4 * 16_384) return undefined;
      const parts = times(4, (index) => connection.dataWithin(2 * index + 1, 16_384));
      connection.memory += parts.reduce((sum, part) => sum + part.length - 9, 0);
      return parts;
    },
    peakMiB: 250,
  },
  {
    attacker: 'client',
    name: '2,000 requests that come a byte at a time',
    source: 'slow requests',
    connections: 4,
    burst: (connection) =>
      connection.bursts === 0
        ? times(500, () => open(connection.nextId()))
        : times(500, (index) => connection.crumbsWithin(2 * index + 1, 1)),
    everyMs: 20,
    peakMiB: 200,
  },
];
