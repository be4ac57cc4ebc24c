// What a config says, in short, for `check`: tables for people, plain data for programs.
import { toHostPort } from '../config/address.ts';
import type { AdminAddress, Config, MatchConfig, RuleConfig } from '../config/config.ts';
import { describePattern } from '../config/pattern.ts';
import { formatColumns, formatTable, type Paint } from './table.ts';
import { CHECK } from './text.ts';

/** The summary as data for JSON. */
export interface ConfigSummary {
  readonly socket: string;
  readonly admin: string | undefined;
  /** Where streams are relayed. */
  readonly streamRelay: string | undefined;
  readonly stateDir: string;
  readonly default: string;
  readonly annotation: { readonly key: string; readonly namespaces: readonly string[] } | undefined;
  readonly backends: readonly {
    readonly name: string;
    readonly socket: string;
    /** Where its image service is, when that is elsewhere. */
    readonly imageSocket: string | undefined;
    readonly isolation: string;
    /** Exposed name to the one sent. */
    readonly handlers: Readonly<Record<string, string>>;
  }[];
  readonly rules: readonly { readonly name: string; readonly matches: string; readonly places: string }[];
}

/** The summary of a config. */
export function toSummary(config: Config): ConfigSummary {
  return {
    socket: config.listen.socket,
    admin: config.admin === undefined ? undefined : formatAddress(config.admin),
    streamRelay: config.streamRelay && toHostPort(config.streamRelay),
    stateDir: config.stateDir,
    default: config.backends.find((backend) => backend.isDefault)?.name ?? '',
    annotation: config.annotation && {
      key: config.annotation.key,
      namespaces: config.annotation.namespaces.map(describePattern),
    },
    backends: config.backends.map(({ name, socket, imageSocket, isolation, handlers }) => ({
      name,
      socket,
      imageSocket,
      isolation,
      handlers: Object.fromEntries(handlers),
    })),
    rules: config.rules.map((rule) => ({
      name: rule.name,
      matches: describeMatch(rule.match),
      places: describeTarget(rule),
    })),
  };
}

/** The summary as lines for a terminal. */
export function formatSummary(file: string, config: Config, paint: Paint): string {
  const summary = toSummary(config);
  const facts = [
    [CHECK.socket, summary.socket],
    [CHECK.admin, summary.admin ?? CHECK.nowhere],
    [CHECK.streams, summary.streamRelay === undefined ? CHECK.passed : CHECK.relayed(summary.streamRelay)],
    [CHECK.state, summary.stateDir],
    [CHECK.default, summary.default],
    [
      CHECK.annotation,
      summary.annotation === undefined
        ? CHECK.noAnnotation
        : CHECK.annotationIn(summary.annotation.key, summary.annotation.namespaces),
    ],
  ];
  const backends = summary.backends.map(({ name, socket, imageSocket, isolation, handlers }) => [
    name,
    imageSocket === undefined ? socket : CHECK.withImages(socket, imageSocket),
    isolation,
    Object.entries(handlers)
      .filter(([exposed]) => exposed !== '')
      .map(([exposed, sent]) => CHECK.handler(exposed, sent))
      .join(', '),
  ]);
  const rules = summary.rules.map(({ name, matches, places }) => [name, matches, places]);
  return [
    `${paint('green', CHECK.good(file))}\n\n`,
    formatColumns(facts),
    `\n${formatTable(CHECK.backendHead, backends, paint)}`,
    rules.length === 0 ? '' : `\n${formatTable(CHECK.ruleHead, rules, paint)}`,
    `\n${CHECK.afterRules}\n`,
  ].join('');
}

/** What a pod must have: `handler "", namespaces "ci-*"`. */
export function describeMatch(match: MatchConfig): string {
  const conditions = conditionsOf(match);
  return conditions.length === 0 ? CHECK.everyPod : conditions.join(', ');
}

function conditionsOf(match: MatchConfig): string[] {
  const parts: string[] = [];
  if (match.handler !== undefined) parts.push(`handler ${describePattern(match.handler)}`);
  for (const key of ['namespaces', 'names'] as const) {
    const patterns = match[key];
    if (patterns !== undefined) parts.push(`${key} ${patterns.map(describePattern).join(' or ')}`);
  }
  for (const key of ['labels', 'annotations'] as const) {
    for (const [name, pattern] of match[key]) parts.push(`${key}.${name} ${describePattern(pattern)}`);
  }
  for (const key of ['privileged', 'hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (match[key] !== undefined) parts.push(`${key} ${match[key]}`);
  }
  return parts;
}

function describeTarget({ target, fallback, handler }: RuleConfig): string {
  const first =
    target.kind === 'backend'
      ? target.backend
      : target.shares.map(({ backend, weight }) => CHECK.share(backend, weight)).join(', ');
  const sent = handler === undefined ? '' : CHECK.sentAs(handler);
  return `${first}${fallback === undefined ? '' : CHECK.fallback(fallback)}${sent}`;
}

function formatAddress(address: AdminAddress): string {
  return address.kind === 'unix' ? `unix://${address.path}` : toHostPort(address);
}
