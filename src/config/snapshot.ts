// Makes the frozen Config from a file that has passed all checks: units become numbers, texts become patterns.
import { parseAddress } from './address.ts';
import type { BackendConfig, Config, MatchConfig, RuleConfig, RuleTarget, TcpAddress } from './config.ts';
import { parseDuration } from './duration.ts';
import { type Pattern, toPattern } from './pattern.ts';
import type { BackendEntry, ConfigFile, RuleEntry } from './schema.ts';
import { parseSize } from './size.ts';
import { parseSocket } from './sockets.ts';

/** The snapshot of a checked file. Throws TypeError on one that would not have passed. */
export function toConfig(file: ConfigFile): Config {
  const { listen, admin, stateDir, runtimeName, annotation, limits, shutdownGrace, log } = file;
  return deepFreeze<Config>({
    listen: {
      socket: toSocketPath(listen.socket),
      mode: Number.parseInt(listen.mode, 8),
      group: listen.group,
    },
    admin: admin === undefined ? undefined : checked(parseAddress(admin.address), admin.address),
    stateDir,
    runtimeName,
    annotation:
      annotation === undefined
        ? undefined
        : { key: annotation.key, namespaces: annotation.namespaces.map(toPattern) },
    backends: file.backends.map((entry) => toBackend(entry, file.backends.length === 1)),
    rules: file.rules.map(toRule),
    streamRelay: file.streaming === 'relay' ? toTcpAddress(file.streamingAddress) : undefined,
    events: {
      isServed: file.events === 'merged',
      periodMs: file.eventsPeriod === 'off' ? undefined : toMs(file.eventsPeriod),
    },
    limits: {
      messageSizeBytes: checked(parseSize(limits.messageSize), limits.messageSize),
      callsInFlight: limits.callsInFlight,
    },
    shutdownGraceMs: toMs(shutdownGrace),
    log,
  });
}

function toBackend(entry: BackendEntry, isOnly: boolean): BackendConfig {
  const isDefault = entry.default || isOnly;
  return {
    name: entry.name,
    socket: toSocketPath(entry.endpoint),
    imageSocket: entry.imageEndpoint === undefined ? undefined : toSocketPath(entry.imageEndpoint),
    isDefault,
    isolation: entry.isolation,
    handlers: exposedHandlers(entry, isDefault),
    cgroupDriver: entry.cgroupDriver,
    timeouts: { listMs: toMs(entry.timeouts.list), statusMs: toMs(entry.timeouts.status) },
    streamingBase: entry.streamingBase?.replace(/\/$/, ''),
  };
}

/** Exposed name -> name to send. The default backend takes the empty handler unless it maps it itself. */
export function exposedHandlers({ handlers = [] }: BackendEntry, isDefault: boolean): Map<string, string> {
  const pairs = Array.isArray(handlers)
    ? handlers.map((name) => [name, name] as const)
    : Object.entries(handlers);
  const exposed = new Map(pairs);
  if (isDefault && !exposed.has('')) exposed.set('', '');
  return exposed;
}

/** Where a rule places pods; undefined when it does not say, or says it twice. */
export function targetOf({ backend, split }: Pick<RuleEntry, 'backend' | 'split'>): RuleTarget | undefined {
  if (backend !== undefined && split === undefined) return { kind: 'backend', backend };
  if (split !== undefined && backend === undefined) return { kind: 'split', shares: split };
  return undefined;
}

function toRule(entry: RuleEntry): RuleConfig {
  const { name, fallback, handler } = entry;
  return { name, match: toMatch(entry.match), target: checked(targetOf(entry), name), fallback, handler };
}

/** The match of a rule, with its texts as patterns. */
export function toMatch(match: RuleEntry['match']): MatchConfig {
  const toPatterns = (values: RuleEntry['match']['labels']): Map<string, Pattern> =>
    new Map(Object.entries(values).map(([key, value]) => [key, toPattern(value)]));
  return {
    handler: match.handler === undefined ? undefined : toPattern(match.handler),
    namespaces: match.namespaces?.map(toPattern),
    names: match.names?.map(toPattern),
    labels: toPatterns(match.labels),
    annotations: toPatterns(match.annotations),
    privileged: match.privileged,
    hostNetwork: match.hostNetwork,
    hostPID: match.hostPID,
    hostIPC: match.hostIPC,
  };
}

function toSocketPath(text: string): string {
  const socket = parseSocket(text);
  return checked('path' in socket ? socket.path : undefined, text);
}

function toTcpAddress(text: string): TcpAddress {
  const address = parseAddress(text);
  const { host, port } = checked(address?.kind === 'tcp' ? address : undefined, text);
  return { host, port };
}

function toMs(text: string): number {
  return checked(parseDuration(text), text);
}

function checked<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new TypeError(`the config was not checked: ${text}`);
  return value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(inner);
  return value;
}
