// THE table: one row for each RPC of CRI runtime.v1 (Kubernetes 1.37). What the proxy does with a call follows from its
// row alone, so an RPC is added by adding a row; there are handlers for kinds of rows only.
import type { Path } from './wire.ts';

/** The two gRPC services of CRI. */
export type ServiceName = 'RuntimeService' | 'ImageService';

interface MethodBase {
  /** The RPC, as CRI spells it. */
  readonly name: string;
  readonly service: ServiceName;
  readonly isServerStream: boolean;
  /**
   * Whether it changes something on the node: then each call makes one log line, and one in flight on a backend that
   * hangs is waited for, as what becomes of it must be known. All others end then (hangPatienceMs).
   */
  readonly changesState: boolean;
  /**
   * Of one that changes something: how long it is waited for while its backend hangs, where that is not as long as the
   * client waits.
   */
  readonly hangPatienceMs?: number;
  /** Whether it may be sent again, once, when the connection broke before any answer. Otherwise the client decides. */
  readonly retry: 'once' | 'never';
  /** The Kubernetes release whose CRI has it first, if that is later than 1.20. */
  readonly since?: string;
}

/** A new pod sandbox: the rules choose its backend. */
export interface PlaceMethod extends MethodBase {
  readonly kind: 'place';
  /** In the request: the PodSandboxConfig. */
  readonly configPath: Path;
  /** In the request: the runtime handler. */
  readonly handlerPath: Path;
  /** In the request: the checkpoint that the pod is made from. Only the backend that wrote it can read it. */
  readonly checkpointPath?: Path;
  /** In the reply: the id of the new pod sandbox. */
  readonly sandboxIdPath: Path;
  /** In the reply: the ids of containers that came with it. */
  readonly containerIdsPath?: Path;
}

/** What a successful call does to the objects we remember. */
export type Effect =
  | 'create-container'
  | 'start-container'
  | 'stop-container'
  | 'remove-container'
  | 'stop-sandbox'
  | 'remove-sandbox';

/** A call about one pod sandbox or container: it goes to the owner. */
export interface OwnedMethod extends MethodBase {
  readonly kind: 'owned';
  /** What the id in the request names. */
  readonly object: 'sandbox' | 'container';
  readonly idPath: Path;
  /** The answer when every backend denies the id. Stopping and removing what is gone is no error in CRI. */
  readonly whenAbsent: 'ok' | 'not-found';
  readonly effect?: Effect;
  /** As of ListMethod. */
  readonly setsMode?: boolean;
  /** In the request: where a checkpoint of a pod is written. */
  readonly checkpointPath?: Path;
  /** In the status of its object: a field that it changes, into what the runtime makes of it. */
  readonly changesField?: number;
  /** Whether the last reply about each object is kept, to stand for an owner that is absent. Its field 1 is the status. */
  readonly isKept?: true;
  /** In the reply: the id of a new container. */
  readonly newContainerIdPath?: Path;
  /** In the reply: the ContainerStats, whose mount points are looked at. */
  readonly containerStatsPath?: Path;
  /** In the reply: where the client finds the stream that it asked for. */
  readonly stream?: { readonly kind: StreamKind; readonly urlPath: Path };
}

/** What goes over a stream; also the first part of the path in its URL. */
export type StreamKind = 'exec' | 'attach' | 'portforward';

/** A list: all backends are asked and their replies joined. The records are always field 1 of the reply. */
export interface ListMethod extends MethodBase {
  readonly kind: 'list';
  readonly object: 'sandbox' | 'container' | 'image';
  readonly recordField: 1;
  /** In a record: the id of the object. */
  readonly recordIdPath: Path;
  /** In the request: what the filter may ask for. The filter is field 1; an empty one means the same as none. */
  readonly filter: {
    readonly id?: Path;
    readonly sandboxId?: Path;
    readonly labels?: Path;
    readonly state?: Path;
    /** A name, tag, digest or id of an image; what it matches is the runtime's affair. */
    readonly image?: Path;
  };
  /** In a record: what filters and the ledger look at. */
  readonly record?: {
    readonly sandboxId?: Path;
    readonly uid?: Path;
    readonly state?: Path;
    readonly labels?: Path;
  };
  /**
   * When a backend gives no reply and no snapshot may stand for it. A list of objects that lacks some makes the
   * kubelet start them again or forget them, so it fails; of stats it may lack some, and old ones are worse than none.
   */
  readonly whenBackendAbsent: 'fail' | 'partial';
  /** When a backend has no such RPC: leave it out, or say UNIMPLEMENTED for all, so that the client takes another way. */
  readonly whenUnimplemented: 'skip' | 'unimplemented';
  /**
   * Whether UNIMPLEMENTED sends the kubelet another way for good: then who is away must not decide about it
   * (proxy/pod-stats-support.ts).
   */
  readonly setsMode: boolean;
  /** Whether its records go to the ledger: they name an object, its sandbox and its pod. */
  readonly learns: boolean;
  /** Whether its records hold label values by position, which every runtime orders in its own way. */
  readonly relabels: boolean;
  /** In the reply: the ContainerStats, whose mount points are looked at. */
  readonly containerStatsPath?: Path;
}

/** The same list in parts. Its request is that of `unary`, and each of its messages could be a reply of `unary`. */
export interface StreamListMethod extends MethodBase {
  readonly kind: 'stream-list';
  /** The name of the list row. */
  readonly unary: string;
}

/** The stream of container events of all backends. */
export interface EventsMethod extends MethodBase {
  readonly kind: 'events';
}

/** A call about an image, which may be on several backends. */
export interface ImageMethod extends MethodBase {
  readonly kind: 'image';
  readonly op: 'pull' | 'status' | 'remove' | 'fs-info';
}

/** A call about the node: we answer it, from what the backends say. */
export interface NodeMethod extends MethodBase {
  readonly kind: 'node';
  readonly op: 'version' | 'status' | 'runtime-config' | 'update-runtime-config' | 'metric-descriptors';
}

/** A row of the table. */
export type Method =
  | PlaceMethod
  | OwnedMethod
  | ListMethod
  | StreamListMethod
  | EventsMethod
  | ImageMethod
  | NodeMethod;

const READS = { changesState: false, retry: 'once' } as const;
/** Reads or acts on a running process: no object changes, but a second call is not the same as one. */
const ACTS = { changesState: false, retry: 'never' } as const;
const CHANGES = { changesState: true, retry: 'never' } as const;
const CHANGES_IDEMPOTENTLY = { changesState: true, retry: 'once' } as const;

/** All rows, in the order of the CRI schema. */
export const METHODS: readonly Method[] = [
  node('Version', 'version', READS),
  place('RunPodSandbox', { configPath: [1], handlerPath: [2], sandboxIdPath: [1] }),
  owned('StopPodSandbox', 'sandbox', { ...CHANGES_IDEMPOTENTLY, whenAbsent: 'ok', effect: 'stop-sandbox' }),
  owned('RemovePodSandbox', 'sandbox', {
    ...CHANGES_IDEMPOTENTLY,
    whenAbsent: 'ok',
    effect: 'remove-sandbox',
  }),
  owned('PodSandboxStatus', 'sandbox', { ...READS, isKept: true }),
  list('ListPodSandbox', 'sandbox', {
    filter: { id: [1, 1], state: [1, 2, 1], labels: [1, 3] },
    record: { uid: [2, 2], state: [3], labels: [5] },
    learns: true,
  }),
  streamList('StreamPodSandboxes', 'ListPodSandbox', { since: '1.36' }),
  owned('CreateContainer', 'sandbox', { ...CHANGES, effect: 'create-container', newContainerIdPath: [1] }),
  owned('StartContainer', 'container', { ...CHANGES, effect: 'start-container' }),
  // Idempotent, but the grace period would start again: never sent twice.
  owned('StopContainer', 'container', { ...CHANGES, whenAbsent: 'ok', effect: 'stop-container' }),
  owned('RemoveContainer', 'container', {
    ...CHANGES_IDEMPOTENTLY,
    whenAbsent: 'ok',
    effect: 'remove-container',
  }),
  list('ListContainers', 'container', {
    filter: { id: [1, 1], state: [1, 2, 1], sandboxId: [1, 3], labels: [1, 4] },
    record: { sandboxId: [2], state: [6], labels: [8] },
    learns: true,
  }),
  streamList('StreamContainers', 'ListContainers', { since: '1.36' }),
  owned('ContainerStatus', 'container', { ...READS, isKept: true }),
  // Not so UpdatePodSandboxResources: what it changes no PodSandboxStatus shows.
  owned('UpdateContainerResources', 'container', { ...CHANGES, changesField: 16 }),
  owned('ReopenContainerLog', 'container', ACTS),
  owned('ExecSync', 'container', ACTS),
  owned('Exec', 'container', { ...ACTS, stream: { kind: 'exec', urlPath: [1] } }),
  owned('Attach', 'container', { ...ACTS, stream: { kind: 'attach', urlPath: [1] } }),
  owned('PortForward', 'sandbox', { ...ACTS, stream: { kind: 'portforward', urlPath: [1] } }),
  owned('ContainerStats', 'container', { ...READS, containerStatsPath: [1] }),
  list('ListContainerStats', 'container', {
    recordIdPath: [1, 1],
    filter: { id: [1, 1], sandboxId: [1, 2], labels: [1, 3] },
    record: { labels: [1, 3] },
    whenBackendAbsent: 'partial',
    whenUnimplemented: 'skip',
    containerStatsPath: [1],
  }),
  streamList('StreamContainerStats', 'ListContainerStats', { since: '1.36' }),
  owned('PodSandboxStats', 'sandbox', {
    ...READS,
    setsMode: true,
    containerStatsPath: [1, 2, 5],
    since: '1.23',
  }),
  // A kubelet that is told UNIMPLEMENTED takes ListContainerStats and cAdvisor for all pods; with a backend left out it
  // would have nothing for the pods there. In parts, where UNIMPLEMENTED would end the parts of all lists, the records of
  // a backend that lacks it are made of those of its containers.
  list('ListPodSandboxStats', 'sandbox', {
    recordIdPath: [1, 1],
    filter: { id: [1, 1], labels: [1, 2] },
    record: { uid: [1, 2, 2], labels: [1, 3] },
    whenBackendAbsent: 'partial',
    setsMode: true,
    containerStatsPath: [1, 2, 5],
    since: '1.23',
  }),
  streamList('StreamPodSandboxStats', 'ListPodSandboxStats', { since: '1.36' }),
  node('UpdateRuntimeConfig', 'update-runtime-config', CHANGES),
  node('Status', 'status', READS),
  owned('CheckpointContainer', 'container', { ...CHANGES, since: '1.25' }),
  owned('CheckpointPod', 'sandbox', { ...CHANGES, checkpointPath: [2], since: '1.37' }),
  place('RestorePod', {
    configPath: [2],
    handlerPath: [3],
    checkpointPath: [1],
    sandboxIdPath: [1],
    containerIdsPath: [2, 2],
    since: '1.37',
  }),
  events('GetContainerEvents', { since: '1.25' }),
  node('ListMetricDescriptors', 'metric-descriptors', { ...READS, since: '1.26' }),
  list('ListPodSandboxMetrics', 'sandbox', {
    filter: {},
    whenBackendAbsent: 'partial',
    whenUnimplemented: 'skip',
    relabels: true,
    since: '1.26',
  }),
  streamList('StreamPodSandboxMetrics', 'ListPodSandboxMetrics', { since: '1.36' }),
  node('RuntimeConfig', 'runtime-config', { ...READS, since: '1.28' }),
  owned('UpdatePodSandboxResources', 'sandbox', { ...CHANGES, since: '1.33' }),

  list('ListImages', 'image', { service: 'ImageService', filter: { image: [1, 1, 1] } }),
  streamList('StreamImages', 'ListImages', { service: 'ImageService', since: '1.36' }),
  image('ImageStatus', 'status', READS),
  // A kubelet pulls one image at a time unless told otherwise (serializeImagePulls), without a deadline, so one pull would
  // hold up those of all other backends. The next look-up tells what became of it, and pulling again does no harm.
  image('PullImage', 'pull', { ...CHANGES, hangPatienceMs: 30_000 }),
  image('RemoveImage', 'remove', CHANGES_IDEMPOTENTLY),
  image('ImageFsInfo', 'fs-info', READS),
];

const BY_NAME: ReadonlyMap<string, Method> = new Map(METHODS.map((row) => [row.name, row]));

/** The row of an RPC. Throws a plain Error on an unknown name: for names in our own code, not for what clients send. */
export function methodNamed(name: string): Method {
  const row = BY_NAME.get(name);
  if (row === undefined) throw new Error(`the method table has no row for ${name}`);
  return row;
}

/**
 * How long a call in flight is waited for while its backend hangs, beside its deadline. 0 for those that read, and those
 * that act on a running process, ExecSync among them, whose DEADLINE_EXCEEDED a kubelet takes for a failed probe
 * (pkg/probe/exec). Of an RPC that is not known here it is not known whether it changes something.
 */
export function hangPatienceMs(rpc: string): number {
  const row = BY_NAME.get(rpc);
  if (row?.changesState === false) return 0;
  return row?.hangPatienceMs ?? Number.POSITIVE_INFINITY;
}

function place(name: string, row: Partial<PlaceMethod> & Pick<PlaceMethod, PlacePath>): PlaceMethod {
  return { kind: 'place', name, service: 'RuntimeService', isServerStream: false, ...CHANGES, ...row };
}
type PlacePath = 'configPath' | 'handlerPath' | 'sandboxIdPath';

/** All requests about one object name it in field 1. */
function owned(
  name: string,
  object: OwnedMethod['object'],
  row: Partial<OwnedMethod> & Pick<OwnedMethod, 'changesState' | 'retry'>,
): OwnedMethod {
  const base = { kind: 'owned', name, service: 'RuntimeService', isServerStream: false } as const;
  return { ...base, object, idPath: [1], whenAbsent: 'not-found', ...row };
}

/** Unless the row says otherwise: the strict treatment, which lists of objects need. */
function list(
  name: string,
  object: ListMethod['object'],
  row: Partial<ListMethod> & Pick<ListMethod, 'filter'>,
): ListMethod {
  return {
    kind: 'list',
    name,
    service: 'RuntimeService',
    isServerStream: false,
    ...READS,
    object,
    recordField: 1,
    recordIdPath: [1],
    whenBackendAbsent: 'fail',
    whenUnimplemented: 'unimplemented',
    setsMode: false,
    learns: false,
    relabels: false,
    ...row,
  };
}

function streamList(name: string, unary: string, row: Partial<StreamListMethod>): StreamListMethod {
  return {
    kind: 'stream-list',
    name,
    service: 'RuntimeService',
    isServerStream: true,
    ...READS,
    unary,
    ...row,
  };
}

function events(name: string, row: Partial<EventsMethod>): EventsMethod {
  return { kind: 'events', name, service: 'RuntimeService', isServerStream: true, ...ACTS, ...row };
}

function image(
  name: string,
  op: ImageMethod['op'],
  row: Pick<ImageMethod, 'changesState' | 'retry' | 'hangPatienceMs'>,
): ImageMethod {
  return { kind: 'image', name, service: 'ImageService', isServerStream: false, op, ...row };
}

function node(
  name: string,
  op: NodeMethod['op'],
  row: Pick<NodeMethod, 'changesState' | 'retry' | 'since'>,
): NodeMethod {
  return { kind: 'node', name, service: 'RuntimeService', isServerStream: false, op, ...row };
}
