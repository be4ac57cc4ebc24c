// The commands with their flags. Their code is loaded only when one runs, so that `serve` answers soon.
import { buildCommand, buildRouteMap, type RouteMap } from '@stricli/core';
import { PROFILE_NAMES } from '../simulator/profile.ts';
import type { CheckFlags } from './commands/check.ts';
import type { ExplainFlags } from './commands/explain.ts';
import type { ServeFlags } from './commands/serve.ts';
import type { SimulateFlags } from './commands/simulate.ts';
import type { VersionFlags } from './commands/version.ts';
import type { CliContext } from './context.ts';
import {
  asFilled,
  asText,
  DEFAULT_CONFIG,
  FILE_FLAG,
  OUTPUT_FLAG,
  PAIRS_FLAG,
  SWITCH_FLAG,
  TEXT_FLAG,
} from './flags.ts';
import { HELP } from './help-text.ts';

/** Builds the map of commands; `runAgain` runs the program on other arguments, for `help`. */
export function routes(
  runAgain: (args: readonly string[], context: CliContext) => Promise<void>,
): RouteMap<CliContext> {
  const help = buildCommand<Record<never, never>, string[], CliContext>({
    async func(_flags, ...command) {
      await runAgain([...command, '--help'], this);
    },
    parameters: {
      positional: {
        kind: 'array',
        parameter: { parse: asText, brief: HELP.help.command, placeholder: 'command' },
      },
    },
    docs: { brief: HELP.help.brief },
  });
  return buildRouteMap({
    routes: { serve, check, explain, simulate, version, help },
    docs: { brief: HELP.program.brief, fullDescription: HELP.program.description },
  });
}

const serve = buildCommand<ServeFlags, [], CliContext>({
  loader: async () => (await import('./commands/serve.ts')).serve,
  parameters: {
    flags: {
      config: { ...FILE_FLAG, optional: true, brief: HELP.serve.config },
      discover: { ...SWITCH_FLAG, brief: HELP.serve.discover },
      once: { ...SWITCH_FLAG, brief: HELP.serve.once },
    },
    aliases: { c: 'config' },
  },
  docs: { brief: HELP.serve.brief, fullDescription: HELP.serve.description },
});

const check = buildCommand<CheckFlags, [file?: string], CliContext>({
  loader: async () => (await import('./commands/check.ts')).check,
  parameters: {
    flags: {
      config: { ...FILE_FLAG, optional: true, brief: HELP.check.config(DEFAULT_CONFIG) },
      output: { ...OUTPUT_FLAG, brief: HELP.output },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: asFilled, optional: true, brief: HELP.check.file, placeholder: 'file' }],
    },
    aliases: { c: 'config', o: 'output' },
  },
  docs: { brief: HELP.check.brief, fullDescription: HELP.check.description },
});

const explain = buildCommand<ExplainFlags, [], CliContext>({
  loader: async () => (await import('./commands/explain.ts')).explain,
  parameters: {
    flags: {
      config: { ...FILE_FLAG, default: DEFAULT_CONFIG, brief: HELP.explain.config },
      pod: { ...FILE_FLAG, optional: true, brief: HELP.explain.pod },
      handler: { ...TEXT_FLAG, brief: HELP.explain.handler },
      namespace: { ...TEXT_FLAG, brief: HELP.explain.namespace },
      name: { ...TEXT_FLAG, brief: HELP.explain.name },
      uid: { ...TEXT_FLAG, brief: HELP.explain.uid },
      annotation: { ...PAIRS_FLAG, brief: HELP.explain.annotation },
      label: { ...PAIRS_FLAG, brief: HELP.explain.label },
      privileged: { ...SWITCH_FLAG, brief: HELP.explain.privileged },
      hostNetwork: { ...SWITCH_FLAG, brief: HELP.explain.hostNetwork },
      hostPid: { ...SWITCH_FLAG, brief: HELP.explain.hostPid },
      hostIpc: { ...SWITCH_FLAG, brief: HELP.explain.hostIpc },
      output: { ...OUTPUT_FLAG, brief: HELP.output },
    },
    aliases: { c: 'config', p: 'pod', n: 'namespace', o: 'output' },
  },
  docs: {
    brief: HELP.explain.brief,
    fullDescription: HELP.explain.description,
    customUsage: HELP.explain.usage,
  },
});

const simulate = buildCommand<SimulateFlags, [], CliContext>({
  loader: async () => (await import('./commands/simulate.ts')).simulate,
  parameters: {
    flags: {
      profile: { kind: 'enum', values: PROFILE_NAMES, brief: HELP.simulate.profile },
      socket: { kind: 'parsed', parse: asFilled, brief: HELP.simulate.socket, placeholder: 'path' },
      handlers: {
        kind: 'parsed',
        parse: asText,
        optional: true,
        variadic: ',',
        brief: HELP.simulate.handlers,
        placeholder: 'names',
      },
    },
  },
  docs: {
    brief: HELP.simulate.brief,
    fullDescription: HELP.simulate.description,
    customUsage: HELP.simulate.usage,
  },
});

const version = buildCommand<VersionFlags, [], CliContext>({
  loader: async () => (await import('./commands/version.ts')).version,
  parameters: { flags: { output: { ...OUTPUT_FLAG, brief: HELP.output } }, aliases: { o: 'output' } },
  docs: { brief: HELP.version.brief },
});
