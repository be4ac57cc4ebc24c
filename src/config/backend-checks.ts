// Checks of the backends of the config, each alone and against each other.

import { knownSocketAt } from '../cri/known-sockets.ts';
import { quote } from '../quote.ts';
import { type ConfigPath, errorAt, type Finding, warningAt } from './problems.ts';
import type { BackendEntry, ConfigFile } from './schema.ts';
import { exposedHandlers } from './snapshot.ts';
import { type DescribeNonSocket, findSameSockets, type IdentifySocket, parseSocket } from './sockets.ts';

/** What metrics put in the place of a backend's name when there is none, or are several. */
const RESERVED_NAMES = ['none', 'several'];

/** The keys that name a socket. */
const ENDPOINT_KEYS = ['endpoint', 'imageEndpoint'] as const;
const EXAMPLES = {
  endpoint: 'unix:///run/containerd/containerd.sock',
  imageEndpoint: 'unix:///run/containerd-stargz-grpc/containerd-stargz-grpc.sock',
};

/** How the file system is looked at. */
export interface SocketLooks {
  /** Which socket paths are one file. */
  readonly identify: IdentifySocket;
  readonly describeNonSocket: DescribeNonSocket;
}

/** What is wrong with the backends. */
export function checkBackends(file: ConfigFile, { identify, describeNonSocket }: SocketLooks): Finding[] {
  return [
    ...file.backends.flatMap((backend, i) => checkBackend(backend, i, describeNonSocket)),
    ...checkNames(file),
    ...checkDefault(file),
    ...checkExposure(file),
    ...checkCgroupDrivers(file),
    ...checkSockets(file, identify),
  ];
}

function checkBackend(backend: BackendEntry, index: number, describeNonSocket: DescribeNonSocket): Finding[] {
  const path = ['backends', index];
  const findings: Finding[] = [];
  if (RESERVED_NAMES.includes(backend.name)) {
    const message = `${backend.name} cannot be the name of a backend: metrics use it`;
    findings.push(errorAt([...path, 'name'], message, 'Choose another name'));
  }
  for (const key of ENDPOINT_KEYS) {
    if (backend[key] !== undefined) {
      const what = `${key} of backend ${backend.name}`;
      findings.push(...checkEndpoint([...path, key], what, backend[key], describeNonSocket));
    }
  }
  return [...findings, ...checkHandlerNames(backend, path)];
}

/** An error for what is no path of a socket; a warning for a path where no CRI can be served. */
function checkEndpoint(
  path: ConfigPath,
  what: string,
  endpoint: string,
  describeNonSocket: DescribeNonSocket,
): Finding[] {
  const socket = parseSocket(
    endpoint,
    EXAMPLES[path.at(-1) === 'imageEndpoint' ? 'imageEndpoint' : 'endpoint'],
  );
  if ('message' in socket) return [errorAt(path, `${what} ${socket.message}`, socket.hint)];
  // Elsewhere a socket may have any name: one of a simulated Docker has the name of the real one.
  const known = socket.path.includes('/run/') ? knownSocketAt(socket.path) : undefined;
  if (known !== undefined) return [warningAt(path, `${what}: ${known.what}`, known.instead)];
  const found = describeNonSocket(socket.path);
  if (found === undefined) return [];
  const hint = found === 'a directory' ? 'Name the socket in it' : 'Name the socket of the container runtime';
  return [warningAt(path, `${what} is ${found}, not a socket`, hint)];
}

/** RuntimeClass.handler is a DNS label (Kubernetes, validation of node.k8s.io). */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function checkHandlerNames(
  { name, handlers = [] }: BackendEntry,
  path: readonly (string | number)[],
): Finding[] {
  return exposedPlaces(handlers).flatMap(({ handler, place }, i, all) => {
    if (all.findIndex((other) => other.handler === handler) < i) {
      return [
        errorAt([...path, 'handlers', place], `backend ${name} exposes handler ${quote(handler)} twice`),
      ];
    }
    if (handler === '' || DNS_LABEL.test(handler)) return [];
    const message = `no RuntimeClass can ask for handler ${quote(handler)}: only a-z, 0-9 and "-" are allowed there`;
    const plain = handler.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const hint = `To expose it by another name write handlers: { ${plain}: ${handler} }`;
    return [{ ...warningAt([...path, 'handlers', place], message, hint), at: 'key' as const }];
  });
}

/** The exposed names and where each stands below `handlers`. */
function exposedPlaces(
  handlers: NonNullable<BackendEntry['handlers']>,
): readonly { readonly handler: string; readonly place: string | number }[] {
  if (Array.isArray(handlers)) return handlers.map((handler, place) => ({ handler, place }));
  return Object.keys(handlers).map((handler) => ({ handler, place: handler }));
}

function checkNames({ backends }: ConfigFile): Finding[] {
  return backends.flatMap(({ name }, i) =>
    backends.findIndex((other) => other.name === name) < i
      ? [errorAt(['backends', i, 'name'], `two backends are named ${name}`, 'Give each a name of its own')]
      : [],
  );
}

function checkDefault({ backends }: ConfigFile): Finding[] {
  const defaults = backends.flatMap((backend, i) => (backend.default ? [i] : []));
  const [first, ...others] = defaults.map((i) => backends[i]?.name);
  if (first === undefined && backends.length > 1) {
    const names = backends.map((backend) => backend.name).join(', ');
    const hint = `Add default: true to one of ${names}`;
    const message = 'no backend is the default, so pods without a runtime handler have no place';
    return [{ ...errorAt(['backends'], message, hint), at: 'key' }];
  }
  return others.map((name, i) => {
    const message = `backend ${name} cannot be the default too: ${first} is`;
    return errorAt(
      ['backends', defaults[i + 1] ?? 0, 'default'],
      message,
      'Keep default: true in one of them',
    );
  });
}

/** A handler leads to one backend; the empty one to the default. */
function checkExposure({ backends }: ConfigFile): Finding[] {
  const owners = new Map<string, string>();
  return backends.flatMap((backend, i) => {
    const isDefault = backend.default || backends.length === 1;
    const names = [...exposedHandlers(backend, isDefault).keys()];
    const findings = names.flatMap((handler) => {
      const path = ['backends', i, 'handlers', placeOf(backend, handler)];
      if (handler === '' && !isDefault) {
        const message = `backend ${backend.name} exposes the empty handler, which belongs to the default backend`;
        return [
          {
            ...errorAt(
              path,
              message,
              'Remove "", or make this backend the default if the pods that ask for no handler belong on it',
            ),
            at: 'key' as const,
          },
        ];
      }
      const owner = owners.get(handler);
      if (handler === '' || owner === undefined || owner === backend.name) return [];
      const message = `backend ${backend.name} exposes handler ${quote(handler)}, which backend ${owner} exposes already`;
      const hint = `Expose it by another name: handlers: { ${handler}-${backend.name}: ${handler} }`;
      return [{ ...errorAt(path, message, hint), at: 'key' as const }];
    });
    for (const handler of names) if (!owners.has(handler)) owners.set(handler, backend.name);
    return findings;
  });
}

function placeOf({ handlers = [] }: BackendEntry, handler: string): string | number {
  return exposedPlaces(handlers).find((one) => one.handler === handler)?.place ?? handler;
}

/** One kubelet has one cgroup driver: that of the default backend, or else of the first that has one. */
function checkCgroupDrivers({ backends }: ConfigFile): Finding[] {
  const said = backends.filter(({ cgroupDriver }) => cgroupDriver !== undefined);
  const leader = said.find((backend) => backend.default) ?? said[0];
  return backends.flatMap(({ name, cgroupDriver }, i) => {
    if (leader === undefined || cgroupDriver === undefined || cgroupDriver === leader.cgroupDriver) return [];
    const message = `backend ${name} uses the cgroup driver ${cgroupDriver}, but backend ${leader.name} uses ${leader.cgroupDriver}`;
    const hint = 'Configure the same one in all runtimes: one kubelet has one cgroup driver';
    return [errorAt(['backends', i, 'cgroupDriver'], message, hint)];
  });
}

/** Only sockets that parse are compared; the others have a finding of their own. */
function checkSockets({ listen, backends }: ConfigFile, identify: IdentifySocket): Finding[] {
  const own = parseSocket(listen.socket);
  const ownPath = 'path' in own ? own.path : '';
  const pathOf = (endpoint: string | undefined) => {
    const socket = endpoint === undefined ? undefined : parseSocket(endpoint);
    return socket !== undefined && 'path' in socket ? socket.path : undefined;
  };
  const parsed = backends.flatMap(({ name, endpoint, imageEndpoint }, index) => {
    const socket = pathOf(endpoint);
    return socket === undefined ? [] : [{ index, name, socket, imageSocket: pathOf(imageEndpoint) }];
  });
  return findSameSockets({ listen: { socket: ownPath }, backends: parsed }, identify).map((finding) => {
    const index = parsed[finding.backend]?.index ?? 0;
    const key = finding.isOfImages ? 'imageEndpoint' : 'endpoint';
    return errorAt(['backends', index, key], finding.message, finding.hint);
  });
}
