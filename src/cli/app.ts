// The command line as a whole: finds the command, runs it, turns what happened into an exit code. run.ts comes first.
import {
  type Application,
  type ApplicationText,
  buildApplication,
  ExitCode,
  formatMessageForArgumentScannerError,
  run,
  text_en,
} from '@stricli/core';
import { VERSION } from '../version.ts';
import { type CliContext, EXIT } from './context.ts';
import { describeFailure, failureCode, stackOf } from './failure.ts';
import { HELP } from './help-text.ts';
import { routes } from './routes.ts';
import { FAILURE, USAGE } from './text.ts';

/** Runs the command that `args` names and returns the exit code. Never throws. */
export async function runApp(args: readonly string[], context: CliContext): Promise<number> {
  const app: Application<CliContext> = buildApplication(
    routes((inputs, inner) => run(app, inputs, inner)),
    {
      name: 'switchyard',
      versionInfo: { currentVersion: VERSION },
      scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
      documentation: { useAliasInUsageLine: false },
      localization: { text: textFor(args[0]) },
      determineExitCode: failureCode,
    },
  );
  // stricli has -v; whoever types -V expects the same of it.
  await run(app, args[0] === '-V' ? ['--version', ...args.slice(1)] : args, context);
  return toExitCode(context.process.exitCode ?? EXIT.done);
}

/** The argument parser tells its own failures by negative codes, which a shell would show as 251 and the like. */
function toExitCode(code: number): number {
  if (code === ExitCode.UnknownCommand || code === ExitCode.InvalidArgument) return EXIT.usage;
  return code < 0 ? EXIT.failed : code;
}

const toKebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The words for a command line that begins with `command`. */
const textFor = (command: string | undefined): ApplicationText => ({
  ...text_en,
  briefs: {
    ...text_en.briefs,
    help: HELP.flagHelp,
    version: HELP.flagVersion,
    argumentEscapeSequence: HELP.flagsEnd,
  },
  noCommandRegisteredForInput: ({ input, corrections }) =>
    /^-|[/.]|^$/.test(input)
      ? USAGE.commandFirst(input)
      : USAGE.unknownCommand(
          input,
          corrections.map((name) => name.replaceAll('`', '')),
        ),
  exceptionWhileParsingArguments: (error) =>
    formatMessageForArgumentScannerError(
      error as Parameters<typeof formatMessageForArgumentScannerError>[0],
      {
        FlagNotFoundError: ({ input, corrections }) => USAGE.unknownFlag(input, corrections.map(toKebab)),
        AliasNotFoundError: ({ input }) => USAGE.unknownAlias(input),
        ArgumentParseError: ({ externalFlagNameOrPlaceholder: flag, exception }) =>
          USAGE.badValue(toKebab(flag), exception instanceof Error ? exception.message : String(exception)),
        EnumValidationError: ({ externalFlagName, input, values }) =>
          USAGE.notOneOf(toKebab(externalFlagName), input, values),
        UnsatisfiedFlagError: ({ externalFlagName }) => USAGE.noValue(toKebab(externalFlagName)),
        UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
          USAGE.twice(toKebab(externalFlagName), previousInput, input),
        UnexpectedPositionalError: ({ input }) => USAGE.strayArgument(input, command),
      },
    ),
  exceptionWhileLoadingCommandFunction: (error) => FAILURE.cannotLoad(stackOf(error)),
  exceptionWhileRunningCommand: describeFailure,
  commandErrorResult: describeFailure,
});
