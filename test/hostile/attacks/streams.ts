// Attacks with streams: opened to be reset, opened and left, opened with the last id there is.
import { END_HEADERS, END_STREAM, frame, PREFACE, settings, TYPE } from '../../support/http2-raw-peer.ts';
import type { ClientAttack } from '../attack.ts';
import type { AttackConnection } from '../attack-connection.ts';
import {
  callOf,
  headersOf,
  openOf,
  requestMessage,
  reset,
  text,
  times,
  windowUpdate,
} from '../attack-frames.ts';

const status = callOf('ContainerStatus', requestMessage(text(1, 'f'.repeat(64))));
const version = callOf('Version', requestMessage());
const list = callOf('ListPodSandbox', requestMessage());
const open = openOf('ListContainers');
const data = (id: number) => frame(TYPE.data, END_STREAM, id);

function resets(count: number) {
  return (connection: AttackConnection) =>
    times(count, () => {
      const id = connection.nextId();
      return [...status(id), reset(id)];
    });
}

/** Four ways to have the server reset a stream, one for each connection of MadeYouReset. */
const PROVOKERS: readonly ((id: number) => Uint8Array[])[] = [
  (id) => [open(id), windowUpdate(id, 0)],
  (id) => [open(id), windowUpdate(id, 2 ** 31 - 1)],
  (id) => [open(id), data(id), data(id)],
  (id) => [open(id), data(id), open(id)],
];

export const STREAM_ATTACKS: readonly ClientAttack[] = [
  {
    attacker: 'client',
    name: 'rapid reset',
    source: 'CVE-2023-44487',
    connections: 2,
    burst: resets(100),
    peakMiB: 200,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
  {
    attacker: 'client',
    name: 'resets from 27 connections, each below the limit of one',
    source: 'CVE-2023-44487, by many',
    connections: 27,
    burst: resets(60),
    everyMs: 40,
    mostCallsPerSecond: 6_000,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'resets that we are made to send',
    source: 'CVE-2025-8671, MadeYouReset',
    connections: 4,
    burst: (connection) => times(100, () => PROVOKERS[connection.lane]?.(connection.nextId()) ?? []),
    peakMiB: 200,
    outcome: { kind: 'refused' },
  },
  {
    attacker: 'client',
    name: 'PRIORITY frames of a wrong length on open streams',
    source: 'CVE-2025-8671, MadeYouReset',
    burst: (connection) => {
      const id = connection.nextId();
      return [open(id), frame(TYPE.priority, 0, id, Buffer.alloc(4))];
    },
    peakMiB: 200,
    outcome: { kind: 'refused' },
  },
  {
    attacker: 'client',
    name: 'resets while the window of the connection is used up',
    source: 'streams kept for their queued answers',
    connections: 6,
    hello: () => [PREFACE, settings([4, 2 ** 31 - 1])],
    burst: (connection) =>
      times(60, () => {
        const id = connection.nextId();
        // The first answer uses the window up; those that follow wait, each until its reset in the next burst.
        return id === 1 ? list(id) : [...version(id), ...(id > 121 ? [reset(id - 120)] : [])];
      }),
    everyMs: 40,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: '40,000 streams that are opened and left',
    source: 'memory of open streams',
    connections: 4,
    burst: (connection) =>
      connection.newestId < 20_000 ? times(500, () => open(connection.nextId())) : undefined,
    peakMiB: 250,
  },
  {
    attacker: 'client',
    name: 'the last stream id there is',
    source: 'RFC 9113 section 5.1.1, id exhaustion',
    connections: 4,
    burst: () => [...list(2 ** 31 - 1), ...list(1)],
    peakMiB: 160,
    outcome: { kind: 'refused' },
  },
  {
    attacker: 'client',
    name: 'requests that break the rules of HTTP',
    source: 'RFC 9113 section 8.1.1',
    burst: (connection) => {
      const [upperCase, pseudoLate] = [
        headersOf('Version', ['Upper', '1']),
        headersOf('Version', [':path', '/']),
      ];
      return times(100, (index) =>
        frame(TYPE.headers, END_HEADERS, connection.nextId(), index % 2 === 0 ? upperCase : pseudoLate),
      );
    },
    peakMiB: 160,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
];
