// One call made directly at a container runtime and through Switchyard, and what may differ between the two answers.
import { expect } from 'vitest';
import { comparable, recordsOf, type Variations } from '../support/comparable-reply.ts';
import type { CriClient, RawReply } from '../support/cri-client.ts';
import { codecOf, type Request, type Rpc } from '../support/cri-codec.ts';
import { CRI_RPCS } from '../support/cri-descriptors.ts';

/** A request of an RPC, as bytes. */
export interface Ask {
  readonly rpc: Rpc;
  readonly bytes: Uint8Array;
}

export function asks<R extends Rpc>(rpc: R, request: Request<R>): Ask {
  return { rpc, bytes: codecOf(rpc).encode(request) };
}

// What differs also between two direct calls.
const MEASURED = {
  'CpuUsage.timestamp': 'when it was measured',
  'CpuUsage.usage_core_nano_seconds': 'the containers go on running',
  'CpuUsage.usage_nano_cores': 'the containers go on running',
  'MemoryUsage.timestamp': 'when it was measured',
  'MemoryUsage.working_set_bytes': 'the kernel takes pages back',
  'MemoryUsage.available_bytes': 'the kernel takes pages back',
  'MemoryUsage.usage_bytes': 'the kernel takes pages back',
  'MemoryUsage.rss_bytes': 'the kernel takes pages back',
  'MemoryUsage.page_faults': 'the containers go on running',
  'MemoryUsage.major_page_faults': 'the containers go on running',
  'SwapUsage.timestamp': 'when it was measured',
  'NetworkUsage.timestamp': 'when it was measured',
  'NetworkInterfaceUsage.rx_bytes': 'the node talks to its bridges',
  'NetworkInterfaceUsage.tx_bytes': 'the node talks to its bridges',
  'ProcessUsage.timestamp': 'when it was measured',
  'FilesystemUsage.timestamp': 'when it was measured, and nothing before containerd did the first time',
  'FilesystemUsage.used_bytes': 'containers and images come and go',
  'FilesystemUsage.inodes_used': 'containers and images come and go',
};
const UNORDERED = {
  'LinuxPodSandboxStats.containers': 'containerd takes them out of a map',
};
/** Differs between two pods that had the same life. */
const OF_A_LIFE = {
  'PodSandboxStatus.created_at': 'one lives after the other',
  'PodSandboxNetworkStatus.ip': 'the network gives each an address of its own',
  'ContainerStatus.created_at': 'one lives after the other',
  'ContainerStatus.started_at': 'one lives after the other',
  'ContainerStatus.finished_at': 'one lives after the other',
};
/** Texts that are drawn anew for each call. */
const DRAWN: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /(?<=\/(?:exec|attach|portforward)\/)[\w-]{8}/g, why: 'the token of a stream URL' },
  { pattern: /(?<=exec ")[0-9a-f]{64}/g, why: 'the id of an exec process, in an error of containerd' },
];

const ONE_CALL: Variations = { values: MEASURED, orders: UNORDERED };
const ONE_LIFE: Variations = { values: { ...MEASURED, ...OF_A_LIFE }, orders: UNORDERED };

const SCHEMAS = new Map(CRI_RPCS.map((rpc) => [rpc.name, rpc.output]));

function settled(text: string): string {
  return DRAWN.reduce(
    (left, { pattern }) => left.replace(pattern, (drawn) => '?'.repeat(drawn.length)),
    text,
  );
}

/** A reply message in a form that two equal ones share, as text of one character for each byte. */
export function comparableMessage(rpc: Rpc, message: Uint8Array, variations = ONE_CALL): string {
  const schema = SCHEMAS.get(rpc);
  if (schema === undefined) throw new Error(`the schema has no ${rpc}`);
  return settled(comparable(message, schema, variations).toString('latin1'));
}

/** All that a client sees of a reply. */
export function comparableReply(rpc: Rpc, reply: RawReply) {
  return {
    rpc,
    code: reply.code,
    details: settled(reply.details),
    messages: reply.messages.map((message) => comparableMessage(rpc, message)),
    headers: reply.headers.getMap(),
    trailers: reply.trailers.getMap(),
  };
}

/** What a client sees of a reply beside its messages. */
export function aroundMessages(rpc: Rpc, reply: RawReply) {
  const { messages: _, ...rest } = comparableReply(rpc, reply);
  return rest;
}

/** The records of list replies in a form in which two equal lists are equal: no order is promised. */
export function comparableRecords(rpc: Rpc, replies: readonly RawReply[]): string[] {
  const messages = replies.flatMap((reply) => {
    expect([rpc, reply.code, reply.details]).toEqual([rpc, 0, '']);
    return reply.messages;
  });
  return messages
    .flatMap(recordsOf)
    .map((record) => comparableMessage(rpc, record))
    .sort();
}

/** What a client of each API version is told, in one form. */
const inV1 = (text: string) => text.replaceAll('runtime.v1alpha2.', 'runtime.v1.');

/** Makes a call. */
export function ask(client: CriClient, { rpc, bytes }: Ask): Promise<RawReply> {
  return client.rawCall(client.pathOf(rpc), bytes, { metadata: { 'x-client': 'test' } });
}

/**
 * Makes the call directly and through Switchyard, first in this order and then in the other, and expects one answer:
 * message, code, text, metadata and trailers.
 */
export async function expectSame(direct: CriClient, through: CriClient, asked: Ask): Promise<RawReply> {
  const replies = [
    await ask(direct, asked),
    await ask(through, asked),
    await ask(through, asked),
    await ask(direct, asked),
  ] as const;
  const [first, ...others] = replies.map((reply) => {
    const seen = comparableReply(asked.rpc, reply);
    return { ...seen, details: inV1(seen.details) };
  });
  for (const other of others) expect(other).toEqual(first);
  return replies[0];
}

/** One call of a life, and what came of it. */
export interface Step {
  readonly rpc: Rpc;
  readonly code: number;
  readonly details: string;
  readonly messages: readonly string[];
}

/** What came of the calls in the life of a pod, in a form that lives of the same course share. */
export class LifeRecord {
  readonly steps: Step[] = [];
  private readonly ids: string[] = [];

  add(rpc: Rpc, { code, details, messages }: RawReply): void {
    const seen = messages.map((message) => comparableMessage(rpc, message, ONE_LIFE));
    this.steps.push({
      rpc,
      code,
      details: this.named(inV1(details)),
      messages: seen.map((text) => this.named(text)),
    });
  }

  /** The text with each id that was drawn in this life as the how-manieth it is. */
  private named(text: string): string {
    return text.replace(/(?<![0-9a-f]|sha256:)[0-9a-f]{64}(?![0-9a-f])/g, (id) => {
      if (!this.ids.includes(id)) this.ids.push(id);
      return `id ${this.ids.indexOf(id)}`;
    });
  }
}
