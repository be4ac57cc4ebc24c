// Reads and checks the config that a command is given, and prints what is wrong with it.
import type { Config } from '../config/config.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../config/load.ts';
import { formatProblem, type Problem } from '../config/problems.ts';
import { describeByStat, identifySocketFile, resolveLinks } from '../config/sockets.ts';
import { StartError } from '../errors.ts';
import { type CliContext, EXIT } from './context.ts';
import { FAILURE, readFailure } from './text.ts';

/**
 * A config that holds, or undefined when it is refused: then the exit code is set. Problems and warnings are printed
 * on standard error. Throws a StartError when the file cannot be read.
 */
export async function readConfig(context: CliContext, file: string): Promise<Config | undefined> {
  const loaded = await loadConfigFile(context, file);
  if ('config' in loaded) {
    printProblems(context, loaded.warnings);
    return loaded.config;
  }
  printProblems(context, loaded.problems);
  context.process.exitCode = EXIT.configRefused;
  return undefined;
}

/** What the file holds, with further checks if wanted. Throws a StartError when it cannot be read. */
export async function loadConfigFile(
  context: CliContext,
  file: string,
  further: Pick<LoadOptions, 'checkMachine'> = {},
): Promise<LoadedConfig> {
  return loadConfig(await readFile(context, file), file, {
    identifySocket: identifySocketFile,
    describeNonSocket: describeByStat,
    resolvePath: resolveLinks,
    ...further,
  });
}

/** Prints each as file:line:column on standard error. */
export function printProblems(context: CliContext, problems: readonly Problem[]): void {
  for (const problem of problems) context.process.stderr.write(`${formatProblem(problem)}\n`);
}

/** The text of a file that the user named. Throws a StartError that says why it cannot be read. */
export async function readFile(context: CliContext, file: string): Promise<string> {
  try {
    return await context.readText(file);
  } catch (error) {
    throw new StartError(FAILURE.cannotRead(file, readFailure(error, file)), { cause: error });
  }
}
