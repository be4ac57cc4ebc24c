// What is measured: the calls, how many of them at once, and what each must answer.
import { framed } from '../../src/grpc/message.ts';
import { cannedContainers, cannedSandboxStatus, cannedVersion, SANDBOX_COUNT, sandboxId } from './canned.ts';

/** One kind of call. */
export interface Workload {
  readonly name: string;
  readonly path: string;
  /** Containers each backend lists; undefined where none are listed. */
  readonly containers?: number;
}

/** A call kind at a number of calls in flight: one line of the report per contender. */
export interface Cell {
  readonly workload: Workload;
  readonly inFlight: number;
}

/** The path of an RPC. */
export function servicePath(rpc: string): string {
  return `/runtime.v1.RuntimeService/${rpc}`;
}

/** The path of the lists that are measured. */
export const LIST_PATH = servicePath('ListContainers');
export const VERSION: Workload = { name: 'Version', path: servicePath('Version') };
export const SANDBOX_STATUS: Workload = { name: 'PodSandboxStatus', path: servicePath('PodSandboxStatus') };

/** ListContainers over two backends with `containers` each. */
export function listContainers(containers: number): Workload {
  return { name: `ListContainers 2 x ${containers}`, path: LIST_PATH, containers };
}

const WORKLOADS: readonly Workload[] = [
  VERSION,
  SANDBOX_STATUS,
  listContainers(100),
  listContainers(1_000),
  listContainers(5_000),
];

/** All cells, in the order they are run and printed. */
export const CELLS: readonly Cell[] = WORKLOADS.flatMap((workload) =>
  [1, 8, 32].map((inFlight) => ({ workload, inFlight })),
);

/** How a cell is called in the report and by --cell. */
export function cellName(cell: Cell): string {
  return `${cell.workload.name}, ${cell.inFlight} in flight`;
}

/** True when the call is a small one, which a proxy that knows nothing of CRI can serve too. */
export function isSmall(workload: Workload): boolean {
  return workload.containers === undefined;
}

/** The groups in which peaks of memory are told, from light to heavy. */
export const LOAD_GROUPS = ['small calls', 'one list', '8 lists', '32 lists'] as const;
export type LoadGroup = (typeof LOAD_GROUPS)[number];

/** The group of memory peaks a cell belongs to. */
export function loadGroupOf(cell: Cell): LoadGroup {
  if (isSmall(cell.workload)) return 'small calls';
  if (cell.inFlight === 1) return 'one list';
  return cell.inFlight <= 8 ? '8 lists' : '32 lists';
}

/** A request and the message that must come back, both with their gRPC prefix. */
export interface Exchange {
  readonly request: Buffer;
  /** What each backend answers. */
  readonly replies: readonly Buffer[];
  /** The same under one prefix: what a proxy answers. */
  readonly joined: Buffer;
}

/** The calls of a workload, to be made in turn. */
export function exchangesOf(workload: Workload): readonly Exchange[] {
  if (workload.containers !== undefined) {
    const { containers } = workload;
    return [exchange(Buffer.alloc(0), [cannedContainers(0, containers), cannedContainers(1, containers)])];
  }
  // VersionRequest.version (1), as the kubelet sends it.
  if (workload.path === VERSION.path) return [exchange(stringField('0.1.0'), [cannedVersion(0)])];
  return Array.from({ length: SANDBOX_COUNT }, (_, index) =>
    exchange(stringField(sandboxId(0, index)), [cannedSandboxStatus(0, index)]),
  );
}

/** A message with a short string in field 1. */
export function stringField(value: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, value.length]), Buffer.from(value)]);
}

function exchange(request: Uint8Array, replies: readonly Uint8Array[]): Exchange {
  return { request: framed(request), replies: replies.map(framed), joined: framed(Buffer.concat(replies)) };
}

/**
 * The framed message a call must get on one of its connections: with one connection per backend that backend's own,
 * with a single one (a proxy) the replies of all joined under one prefix.
 */
export function expectedReply(exchange: Exchange, connections: number, index: number): Buffer {
  return (connections === 1 ? exchange.joined : exchange.replies[index]) ?? exchange.joined;
}
