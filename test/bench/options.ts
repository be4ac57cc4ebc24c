// The command line of the bench.
import { parseArgs } from 'node:util';

/** Which programs call and answer: the project's own light ones, or such as are written with grpc-go. */
export type PeersName = (typeof PEERS)[number];
const PEERS = ['light', 'grpc-go'] as const;

export interface Options {
  readonly peers: PeersName;
  /** How long the rounds may take together, without starts and stops. */
  readonly seconds: number;
  readonly sliceMs: number;
  /** How often start-up is measured, for each program. */
  readonly starts: number;
  readonly jsonPath: string | undefined;
  /** Only cells whose name contains one of these; all when empty. */
  readonly cells: readonly string[];
  /** Of the known contenders only these beside direct; all when empty. */
  readonly contenders: readonly string[];
  /** More proxies: a name and a command line with {listen}, {a}, {b} and {config} in it. */
  readonly also: readonly { readonly name: string; readonly commandLine: string }[];
  readonly isCrossChecked: boolean;
}

export const USAGE = `Usage: npm run bench -- [options]

Latency, throughput, CPU and memory of Switchyard beside a direct call and other proxies, in interleaved rounds.

  --quick            about 20 seconds: shows that it works, says little about speed
  --seconds N        time for the rounds (default 180)
  --slice N          milliseconds of one contender's turn (default 100)
  --cell TEXT        only cells whose name contains TEXT, e.g. "Version, 1 in flight"; may be repeated
  --peers NAME       who calls and answers: light (default; the project's own HTTP/2, so that a call is nearly all the
                     proxy's) or grpc-go (as a kubelet and containerd; needs Debian's golang-go, golang-google-grpc-dev)
  --contender NAME   of the known ones only this beside direct; may be repeated
  --also NAME=LINE   take another proxy along, started by LINE; {listen}, {a}, {b} stand for its socket and those
                     of the two backends, {config} for a Switchyard config of its own; may be repeated
  --cross-check      measure small calls with h2load too, and print both
  --json FILE        write all figures of all rounds to FILE
  --help
`;

/** Reads the command line; undefined when help is asked for. Throws an Error with a message for the user. */
export function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      slice: { type: 'string' },
      cell: { type: 'string', multiple: true, default: [] },
      peers: { type: 'string', default: 'light' },
      contender: { type: 'string', multiple: true, default: [] },
      also: { type: 'string', multiple: true, default: [] },
      'cross-check': { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const peers = PEERS.find((name) => name === values.peers);
  if (peers === undefined) throw new Error(`--peers ${values.peers}: one of ${PEERS.join(', ')} is wanted`);
  return {
    peers,
    seconds: positive('--seconds', values.seconds ?? (values.quick ? '12' : '180')),
    sliceMs: positive('--slice', values.slice ?? (values.quick ? '30' : '100')),
    starts: values.quick ? 2 : 9,
    jsonPath: values.json,
    cells: values.cell,
    contenders: values.contender,
    also: values.also.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new Error(`--also ${text}: NAME=LINE is wanted`);
      return { name: text.slice(0, at), commandLine: text.slice(at + 1) };
    }),
    isCrossChecked: values['cross-check'],
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} ${text}: a number above zero is wanted`);
  return value;
}
