// gRPC paths and the two API versions of CRI. v1 and v1alpha2 differ in their package name alone: numbers and types of
// all fields agree (Kubernetes 1.20 to 1.24 had both), so a call is carried over by its path. First step of a call.
import { METHODS, type Method, type ServiceName } from './methods.ts';

/** The versions of CRI we speak, on both sides. */
export type ApiVersion = 'v1' | 'v1alpha2';

/** What a gRPC path names. */
export interface Route {
  /** Its row; undefined for an RPC newer than our table. */
  readonly method: Method | undefined;
  readonly service: ServiceName;
  readonly rpc: string;
  readonly version: ApiVersion;
}

const VERSIONS: readonly ApiVersion[] = ['v1', 'v1alpha2'];
const SERVICES: readonly ServiceName[] = ['RuntimeService', 'ImageService'];

/** v1alpha2 was left as it was in 1.24 (and removed in 1.26): RPCs that came later are in v1 alone. */
const LAST_V1ALPHA2_MINOR = 24;

/** Its messages still got what v1 got in 1.25, as the kubelet converted them by their layout. */
export const LAST_V1ALPHA2_FIELDS_MINOR = 25;

/**
 * The route of an HTTP/2 :path such as '/runtime.v1.RuntimeService/Version': one look-up for RPCs of the table. An
 * unknown RPC of a CRI service has a route without a row; anything else has none.
 */
export function routeOf(path: string): Route | undefined {
  return ROUTES.get(path) ?? routeOfUnknown(path);
}

/** The :path of an RPC in a version. */
export function pathFor(service: ServiceName, rpc: string, version: ApiVersion): string {
  return PATHS[version][service].get(rpc) ?? `${prefixOf(service, version)}${rpc}`;
}

/** The version that a backend may speak instead. */
export function otherVersion(version: ApiVersion): ApiVersion {
  return version === 'v1' ? 'v1alpha2' : 'v1';
}

/** Whether the RPC is part of that version; what lacks it answers UNIMPLEMENTED. */
export function hasRpc(version: ApiVersion, method: Method): boolean {
  if (version === 'v1' || method.since === undefined) return true;
  return Number(method.since.split('.')[1]) <= LAST_V1ALPHA2_MINOR;
}

const ROUTES: ReadonlyMap<string, Route> = new Map(
  VERSIONS.flatMap((version) =>
    METHODS.map((method): [string, Route] => {
      const { service, name: rpc } = method;
      return [`${prefixOf(service, version)}${rpc}`, { method, service, rpc, version }];
    }),
  ),
);

const PATHS: Readonly<Record<ApiVersion, Readonly<Record<ServiceName, ReadonlyMap<string, string>>>>> = {
  v1: pathsOf('v1'),
  v1alpha2: pathsOf('v1alpha2'),
};

function pathsOf(version: ApiVersion): Record<ServiceName, ReadonlyMap<string, string>> {
  const paths = { RuntimeService: new Map<string, string>(), ImageService: new Map<string, string>() };
  for (const { service, name } of METHODS) paths[service].set(name, `${prefixOf(service, version)}${name}`);
  return paths;
}

/** Not remembered: the client chooses the name, and names have no end. */
function routeOfUnknown(path: string): Route | undefined {
  for (const version of VERSIONS) {
    for (const service of SERVICES) {
      const prefix = prefixOf(service, version);
      if (!path.startsWith(prefix)) continue;
      const rpc = path.slice(prefix.length);
      return /^[A-Za-z_]\w{0,99}$/.test(rpc) ? { method: undefined, service, rpc, version } : undefined;
    }
  }
  return undefined;
}

function prefixOf(service: ServiceName, version: ApiVersion): string {
  return `/runtime.${version}.${service}/`;
}
