// The checked config as the rest of the program sees it: plain frozen data, no file, no units, no defaults to fill in.
// Made by load.ts alone. Whoever needs only the types imports this file and loads neither zod nor yaml.
import type { Pattern } from './pattern.ts';

/** How far a backend keeps pods from the host and from each other. */
export type Isolation = 'shared' | 'sandboxed' | 'vm';

/** Weakest first. */
export const ISOLATIONS: readonly Isolation[] = ['shared', 'sandboxed', 'vm'];

/** Whether `isolation` keeps pods less apart than `than` does. */
export function isWeaker(isolation: Isolation, than: Isolation): boolean {
  return ISOLATIONS.indexOf(isolation) < ISOLATIONS.indexOf(than);
}

/** How a runtime, and with it the kubelet, puts processes into cgroups. */
export type CgroupDriver = 'systemd' | 'cgroupfs';

/** One snapshot of the config. Deeply frozen; its maps are never written to. */
export interface Config {
  readonly listen: ListenConfig;
  /** Where metrics and health are served; undefined: nowhere. */
  readonly admin: AdminAddress | undefined;
  readonly stateDir: string;
  /** What Version reports; undefined: the name the default backend has at first contact. */
  readonly runtimeName: string | undefined;
  readonly annotation: AnnotationConfig | undefined;
  /** In the order of the file. Exactly one is the default. */
  readonly backends: readonly BackendConfig[];
  /** In the order of the file: the first that matches wins. */
  readonly rules: readonly RuleConfig[];
  /** Where streams are relayed; undefined: clients get the URLs of the backends. */
  readonly streamRelay: TcpAddress | undefined;
  readonly events: EventsConfig;
  readonly limits: LimitsConfig;
  /** How long calls in flight may go on after a SIGTERM. */
  readonly shutdownGraceMs: number;
  readonly log: LogConfig;
}

/** The socket that clients connect to. */
export interface ListenConfig {
  /** An absolute path. */
  readonly socket: string;
  /** File mode bits. */
  readonly mode: number;
  /** Name or number; undefined: the group of the process. */
  readonly group: string | undefined;
}

/** An address to listen on. Port 0 takes any free port. */
export interface TcpAddress {
  /** A name or an IP address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Where the admin side listens. */
export type AdminAddress =
  | ({ readonly kind: 'tcp' } & TcpAddress)
  | { readonly kind: 'unix'; readonly path: string };

/** Pods may name their backend in the annotation `key`, in the namespaces that match one of `namespaces`. */
export interface AnnotationConfig {
  readonly key: string;
  readonly namespaces: readonly Pattern[];
}

/** A container runtime behind us. */
export interface BackendConfig {
  readonly name: string;
  /** An absolute path. */
  readonly socket: string;
  /** An absolute path: where its image service is, when that has a socket of its own. */
  readonly imageSocket: string | undefined;
  readonly isDefault: boolean;
  readonly isolation: Isolation;
  /** Runtime handler that pods ask for -> the one the backend is sent. The default backend always has ''. */
  readonly handlers: ReadonlyMap<string, string>;
  /** What it uses, for a runtime that cannot say; undefined: only it can tell. */
  readonly cgroupDriver: CgroupDriver | undefined;
  readonly timeouts: { readonly listMs: number; readonly statusMs: number };
  /** http://host:port before stream URLs that are a path alone. */
  readonly streamingBase: string | undefined;
}

/** One entry of `rules`. */
export interface RuleConfig {
  readonly name: string;
  readonly match: MatchConfig;
  readonly target: RuleTarget;
  /** Takes the pod when the target is absent; never less isolated than the target. */
  readonly fallback: string | undefined;
  /** The runtime handler to send to whichever backend of this rule takes the pod; undefined: by the backend's `handlers`. */
  readonly handler: string | undefined;
}

/** Where a rule places pods. */
export type RuleTarget =
  | { readonly kind: 'backend'; readonly backend: string }
  | { readonly kind: 'split'; readonly shares: readonly SplitShare[] };

/** One backend's part of a split. At least one weight of a split is over 0. */
export interface SplitShare {
  readonly backend: string;
  readonly weight: number;
}

/** What must hold for a rule to match: all that is given. Of `namespaces` and `names` one must match. */
export interface MatchConfig {
  readonly handler: Pattern | undefined;
  readonly namespaces: readonly Pattern[] | undefined;
  readonly names: readonly Pattern[] | undefined;
  readonly labels: ReadonlyMap<string, Pattern>;
  readonly annotations: ReadonlyMap<string, Pattern>;
  readonly privileged: boolean | undefined;
  readonly hostNetwork: boolean | undefined;
  readonly hostPID: boolean | undefined;
  readonly hostIPC: boolean | undefined;
}

/** How GetContainerEvents is served. */
export interface EventsConfig {
  /** False: UNIMPLEMENTED. */
  readonly isServed: boolean;
  /** How often a backend without events of its own is listed for them; undefined: never. */
  readonly periodMs: number | undefined;
}

export interface LimitsConfig {
  /** The longest message that is taken, either way. */
  readonly messageSizeBytes: number;
  readonly callsInFlight: number;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
}

/** All backends a rule may place on, in the order of the file; its fallback is not among them. */
export function targetsOf(target: RuleTarget): readonly string[] {
  return target.kind === 'backend' ? [target.backend] : target.shares.map((share) => share.backend);
}

/** Whether the match has no key but `handler`. */
export function isOnlyOfHandlers(match: MatchConfig): boolean {
  const { handler: _, labels, annotations, ...others } = match;
  return labels.size + annotations.size === 0 && Object.values(others).every((value) => value === undefined);
}
