// Floods of frames that mean little and cost their sender nothing. Client and backend can send the same ones.
import { ACK, frame, PREFACE, settings, TYPE, uint32 } from '../../support/http2-raw-peer.ts';
import type { Attack } from '../attack.ts';
import type { AttackConnection } from '../attack-connection.ts';
import { openOf, replyHeaders, reset, times, windowUpdate } from '../attack-frames.ts';

interface Flood {
  readonly name: string;
  readonly source: string;
  /** `stream` is one that is open. */
  burst(stream: number, connection: AttackConnection): readonly Uint8Array[];
  /** Where it is more than PEAKS_MIB. */
  readonly peakMiB?: number;
  /** Whether the connection is to end; left out where a flood costs us as little as its sender. */
  readonly isRefused?: true;
}

const open = openOf('ListContainers');
const WINDOWS = Array.from({ length: 2_700 }, (_, index) => [4, 65_535 + (index % 2)] as const);

const FLOODS: readonly Flood[] = [
  {
    name: 'SETTINGS',
    source: 'CVE-2019-9515',
    burst: () => times(500, () => settings()),
    isRefused: true,
  },
  {
    name: 'SETTINGS with 2,700 entries',
    source: 'a walk over the streams for each entry',
    burst: () => [settings(...WINDOWS)],
    peakMiB: 250,
    isRefused: true,
  },
  {
    name: 'PINGs',
    source: 'CVE-2019-9512',
    burst: () => times(500, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))),
    isRefused: true,
  },
  {
    name: 'acks of SETTINGS and PINGs that nobody sent',
    source: 'CVE-2019-9512 and CVE-2019-9515, turned round',
    burst: () => times(500, () => [frame(TYPE.settings, ACK, 0), frame(TYPE.ping, ACK, 0, Buffer.alloc(8))]),
  },
  {
    name: 'empty DATA frames',
    source: 'CVE-2019-9518',
    burst: (stream) => times(500, () => frame(TYPE.data, 0, stream)),
    isRefused: true,
  },
  {
    name: 'WINDOW_UPDATEs of one byte',
    source: 'window-update flood',
    burst: (stream) => times(500, () => [windowUpdate(0, 1), windowUpdate(stream, 1)]),
  },
  {
    name: 'PRIORITY frames',
    source: 'CVE-2019-9513',
    burst: () =>
      times(500, (index) =>
        frame(TYPE.priority, 0, 2 * index + 1, Buffer.concat([uint32(0), Buffer.alloc(1)])),
      ),
  },
  {
    name: 'frames of unknown types',
    source: 'RFC 9113 section 5.5',
    burst: (stream) =>
      times(16, (index) => frame(0x20 + index, 0xff, index % 2 === 0 ? 0 : stream, Buffer.alloc(16_384))),
  },
  {
    name: 'resets of streams that were never opened',
    source: 'CVE-2019-9514, without streams',
    burst: (_, connection) => times(500, (index) => reset(1_000_001 + 2 * (connection.bursts * 500 + index))),
    isRefused: true,
  },
  {
    name: 'GOAWAYs',
    source: 'GOAWAY flood with long debug data',
    burst: () =>
      times(16, () => frame(TYPE.goaway, 0, 0, Buffer.concat([uint32(2 ** 31 - 1), Buffer.alloc(16_000)]))),
  },
];

/** A client opens as many streams as it may before it floods; a backend floods on the calls that came to it. */
const CLIENT_STREAMS = 9_900;
/** So many streams take some 40 MiB, and those of a connection that was ended are there until they are collected. */
const PEAKS_MIB = { client: 200, backend: 160 };

export const FLOOD_ATTACKS: readonly Attack[] = FLOODS.flatMap(
  ({ name, source, burst, peakMiB, isRefused }) => {
    const traits = { source, ...(isRefused && { outcome: { kind: 'refused' as const } }) };
    return [
      {
        ...traits,
        name,
        peakMiB: peakMiB ?? PEAKS_MIB.client,
        attacker: 'client',
        hello: (connection) => [
          PREFACE,
          settings(),
          ...times(CLIENT_STREAMS, () => open(connection.nextId())),
        ],
        burst: (connection) => burst(1, connection),
      } satisfies Attack,
      {
        ...traits,
        attacker: 'backend',
        name: `${name} from a backend`,
        peakMiB: peakMiB ?? PEAKS_MIB.backend,
        answer: ({ rpc, streamId }, connection) => {
          if (rpc !== 'ContainerStatus') return undefined;
          connection.streams.push(streamId);
          return [replyHeaders(streamId)];
        },
        burst: (connection) => burst(connection.streams.at(-1) ?? 1, connection),
      } satisfies Attack,
    ];
  },
);
