// A config file's text -> the frozen Config, or what is wrong with it. Only this file and those it alone imports load
// zod and yaml: whoever needs a Config at hand and no file stays light.
import { checkBackends } from './backend-checks.ts';
import type { Config } from './config.ts';
import { parseText } from './document.ts';
import { checkPaths } from './path-checks.ts';
import type { Finding, Problem } from './problems.ts';
import { checkRanges } from './range-checks.ts';
import { checkRules } from './rule-checks.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { checkSettings } from './setting-checks.ts';
import { toFindings } from './shape-problems.ts';
import { toConfig } from './snapshot.ts';
import type { DescribeNonSocket, IdentifySocket, ResolvePath } from './sockets.ts';
import { checkStreaming } from './streaming-checks.ts';

/** A config, with what is doubtful in it; or the problems, of which at least one is an error. */
export type LoadedConfig =
  | { readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

export interface LoadOptions {
  /** Finds backends whose sockets are one file; unless given, only their paths are compared. */
  readonly identifySocket?: IdentifySocket;
  /** Finds endpoints that are no sockets; unless given, nothing is looked at. */
  readonly describeNonSocket?: DescribeNonSocket;
  /** Follows symbolic links; unless given, paths are compared as they are written. */
  readonly resolvePath?: ResolvePath;
  /** Whether the config fits a machine (machine-checks.ts); unless given, it may be meant for another one. */
  readonly checkMachine?: (file: ConfigFile) => Finding[];
}

/**
 * Reads a config from YAML (or JSON, which is YAML). `fileName` is only for the problems, which are in the order of the
 * file. Never throws for what the text holds.
 */
export function loadConfig(text: string, fileName: string, options: LoadOptions = {}): LoadedConfig {
  const parsed = parseText(text, fileName);
  if (parsed.kind === 'broken') return { problems: parsed.problems };
  const toProblems = (findings: readonly Finding[]) =>
    findings.map(parsed.locate).sort((a, b) => a.line - b.line || a.column - b.column);

  const shape = configSchema.safeParse(parsed.value);
  const ranges = checkRanges(parsed.value);
  if (!shape.success) {
    return { problems: toProblems([...toFindings(shape.error.issues, parsed.value), ...ranges]) };
  }
  const file = shape.data;
  const { identifySocket: identify = () => undefined, describeNonSocket = () => undefined } = options;
  const { resolvePath: resolve = (path) => path, checkMachine = () => [] } = options;
  const problems = toProblems([
    ...ranges,
    ...checkSettings(file),
    ...checkPaths(file, { identify, resolve }),
    ...checkStreaming(file),
    ...checkBackends(file, { identify, describeNonSocket }),
    ...checkRules(file),
    ...checkMachine(file),
  ]);
  if (problems.some((problem) => problem.severity === 'error')) return { problems };
  return { config: toConfig(file), warnings: problems };
}
