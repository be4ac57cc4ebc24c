// Hostile backends: answers that do not end, that are not what they seem, or that nobody asked for.
import { encodeField } from '../../../src/cri/wire.ts';
import { block, END_HEADERS, END_STREAM, frame, PADDED, TYPE, uint32 } from '../../support/http2-raw-peer.ts';
import type { BackendAttack, HostileCall } from '../attack.ts';
import type { AttackConnection } from '../attack-connection.ts';
import { answerOf, replyHeaders, requestMessage, reset, text, times } from '../attack-frames.ts';
import { hpackBomb, insertion } from '../header-bombs.ts';

const MIB = 1024 * 1024;
const FRAME_HEAD_BYTES = 9;
const EMPTY = Buffer.alloc(0);

/** Begins an answer and leaves the rest to the bursts. The Version call of the life check gets its honest answer. */
function begin(message: Uint8Array) {
  return ({ streamId, rpc }: HostileCall, connection: AttackConnection): Uint8Array[] | undefined => {
    if (rpc === 'Version') return undefined;
    connection.streams.push(streamId);
    return [replyHeaders(streamId), frame(TYPE.data, 0, streamId, message)];
  };
}

/** The streams that are answered at present. */
const recent = ({ streams }: AttackConnection) => streams.slice(-8);
const long = begin(Buffer.concat([Buffer.from([0]), uint32(15 * MIB)]));
const unended = begin(EMPTY);
const informational = block([':status', '103'], ['link', 'x'.repeat(1_000)]);
/** Answers one ListContainers on each connection with a list, as fast as the windows allow. */
function longList(make: () => Buffer): Pick<BackendAttack, 'prepare' | 'answer' | 'burst'> {
  let list: Buffer = EMPTY;
  return {
    prepare: () => {
      list = requestMessage(make());
    },
    answer: ({ streamId, rpc }, connection) => {
      if (rpc !== 'ListContainers' || connection.streams.length > 0) return undefined;
      connection.streams.push(streamId);
      return [replyHeaders(streamId)];
    },
    burst: (connection) => {
      const [id] = connection.streams;
      const parts: Buffer[] = [];
      if (id === undefined || connection.memory >= list.length) return parts;
      while (parts.length < 64 && connection.memory < list.length) {
        const [room] = connection.dataWithin(id, Math.min(16_384, list.length - connection.memory));
        if (room === undefined) break;
        const end = connection.memory + room.length - FRAME_HEAD_BYTES;
        parts.push(frame(TYPE.data, 0, id, list.subarray(connection.memory, end)));
        connection.memory = end;
      }
      if (connection.memory >= list.length) {
        parts.push(frame(TYPE.headers, END_HEADERS | END_STREAM, id, block(['grpc-status', '0'])));
      }
      return parts;
    },
  };
}

const recordsOf = (count: number, idOf: (index: number) => string) =>
  Buffer.concat(times(count, (index) => encodeField(1, text(1, idOf(index)))));
const longText = block(
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-status', '2'],
  ['grpc-message', 'x'.repeat(MIB)],
);
const eventOf = (id: string) =>
  requestMessage(text(1, id), encodeField(4, Buffer.concat([text(1, id), encodeField(2, text(2, id))])));

export const BACKEND_ANSWER_ATTACKS: readonly BackendAttack[] = [
  {
    attacker: 'backend',
    name: 'answers without end',
    source: 'memory of answers',
    answer: long,
    burst: (connection) => recent(connection).flatMap((id) => connection.dataWithin(id, 16_384)),
    peakMiB: 300,
  },
  {
    attacker: 'backend',
    name: 'answers that are larger than the windows',
    source: 'RFC 9113 section 6.9.1',
    answer: long,
    burst: (connection) =>
      recent(connection).flatMap((id) => times(20, () => frame(TYPE.data, 0, id, Buffer.alloc(16_384)))),
    peakMiB: 300,
  },
  {
    attacker: 'backend',
    name: 'answers in frames of one byte',
    source: 'buffers for each frame',
    answer: long,
    burst: (connection) => recent(connection).flatMap((id) => connection.crumbsWithin(id, 500)),
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'DATA that is all padding in its answers',
    source: 'RFC 9113 section 10.7',
    answer: unended,
    burst: (connection) =>
      recent(connection).flatMap((id) =>
        times(20, () => frame(TYPE.data, PADDED, id, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]))),
      ),
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'informational headers without end',
    source: '1xx flood',
    answer: ({ streamId, rpc }, { streams }) => {
      if (rpc === 'Version') return undefined;
      streams.push(streamId);
      return [];
    },
    burst: (connection) =>
      recent(connection).flatMap((id) =>
        times(20, () => frame(TYPE.headers, END_HEADERS, id, informational)),
      ),
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'CONTINUATION frames without end in an answer',
    source: 'CVE-2024-27316, towards a client',
    answer: ({ streamId, rpc }, connection) => {
      if (rpc === 'Version' || connection.memory > 0) return undefined;
      connection.memory = streamId;
      return [frame(TYPE.headers, 0, streamId, block([':status', '200']))];
    },
    burst: ({ memory: id }) =>
      id === 0 ? [] : times(20, () => frame(TYPE.continuation, 0, id, block(['x', 'y'.repeat(16_000)]))),
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'an error with a text of 1 MiB for each call',
    source: 'long header lists',
    answer: ({ streamId, rpc }) => {
      if (rpc === 'Version') return undefined;
      const parts = times(Math.ceil(longText.length / 16_384), (index) =>
        longText.subarray(index * 16_384, (index + 1) * 16_384),
      );
      return parts.map((part, index) =>
        frame(
          index === 0 ? TYPE.headers : TYPE.continuation,
          (index === 0 ? END_STREAM : 0) | (index === parts.length - 1 ? END_HEADERS : 0),
          streamId,
          part,
        ),
      );
    },
    peakMiB: 300,
  },
  {
    attacker: 'backend',
    name: 'headers of 16 KB that mean 60 MB in its answers',
    source: 'HPACK bomb, CVE-2016-6581',
    answer: ({ streamId, rpc }, connection) => {
      if (rpc === 'Version') return undefined;
      connection.memory++;
      const headers =
        connection.memory === 1 ? Buffer.concat([block([':status', '200']), insertion]) : hpackBomb;
      return [frame(TYPE.headers, END_HEADERS | END_STREAM, streamId, headers)];
    },
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'lists of a million ids that nobody has',
    source: 'memory of the ledger',
    ...longList(() => recordsOf(1_000_000, (index) => (index + 2 ** 30).toString(36))),
    peakMiB: 300,
  },
  {
    attacker: 'backend',
    name: 'lists of ids that collide',
    source: 'hash flooding, CVE-2011-4815',
    // They differ only where the ledger's hash does not look (src/ledger/id-index.ts).
    ...longList(() =>
      recordsOf(40_000, (index) => `${'0'.repeat(8)}${String(index).padStart(8, '0')}`.padEnd(64, '0')),
    ),
    peakMiB: 300,
  },
  {
    attacker: 'backend',
    name: 'lists that cannot be read',
    source: 'lists of all backends that fail for one',
    answer: ({ streamId, rpc }) =>
      rpc.startsWith('List') ? answerOf(streamId, Buffer.from([0x0a, 0x7f, 0x01])) : undefined,
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'events without end, each of another container',
    source: 'memory of the ledger and of event queues',
    answer: ({ streamId, rpc }, { streams }) => {
      if (rpc !== 'GetContainerEvents') return undefined;
      streams.push(streamId);
      return [replyHeaders(streamId)];
    },
    reconnects: true,
    burst: (connection) => {
      const [id] = connection.streams;
      if (id === undefined) return [];
      return times(50, () => frame(TYPE.data, 0, id, eventOf(`event-${connection.memory++}`)));
    },
    everyMs: 5,
    peakMiB: 250,
  },
  {
    attacker: 'backend',
    name: 'a reset for every call',
    source: 'calls that are tried again',
    answer: ({ streamId }) => [reset(streamId, 2)],
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'a refusal for every call, as if it had done nothing',
    source: 'calls that are tried again',
    answer: ({ streamId }) => [reset(streamId, 7)],
    peakMiB: 200,
  },
  {
    attacker: 'backend',
    name: 'answers on streams that were never opened',
    source: 'RFC 9113 section 5.1.1',
    burst: () => times(10, (index) => answerOf(1_000_001 + index, EMPTY)),
    peakMiB: 160,
    outcome: { kind: 'refused' },
  },
  {
    attacker: 'backend',
    name: 'more behind the end of its answers',
    source: 'RFC 9113 section 5.1',
    answer: ({ streamId, rpc }) =>
      rpc === 'Version'
        ? undefined
        : [...answerOf(streamId, EMPTY), frame(TYPE.data, 0, streamId, Buffer.alloc(1_000))],
    peakMiB: 160,
  },
  {
    attacker: 'backend',
    name: 'promises to push with each answer',
    source: 'RFC 9113 section 8.4',
    answer: ({ streamId }) => [
      frame(TYPE.push, END_HEADERS, streamId, Buffer.concat([uint32(2), block([':path', '/'])])),
    ],
    peakMiB: 160,
    outcome: { kind: 'refused' },
  },
  {
    attacker: 'backend',
    name: 'no answers at all',
    source: 'calls that hang',
    answer: () => [],
    peakMiB: 200,
  },
];
