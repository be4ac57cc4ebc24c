// `switchyard check`: whether a config would be taken, and what it says.
import { checkMachine, thisMachine } from '../../config/machine-checks.ts';
import { loadConfigFile, printProblems } from '../config-file.ts';
import { formatSummary, toSummary } from '../config-summary.ts';
import { type CliContext, EXIT, UsageError } from '../context.ts';
import { DEFAULT_CONFIG, type OutputFormat } from '../flags.ts';
import { paintFor } from '../table.ts';
import { USAGE } from '../text.ts';

export interface CheckFlags {
  readonly config: string | undefined;
  readonly output: OutputFormat;
}

/** Prints the problems and exits 3, or prints the summary. */
export async function check(
  this: CliContext,
  { config: named, output }: CheckFlags,
  given?: string,
): Promise<void> {
  if (named !== undefined && given !== undefined) throw new UsageError(USAGE.severalFiles);
  const file = given ?? named ?? DEFAULT_CONFIG;
  const { stdout, env } = this.process;
  const loaded = await loadConfigFile(this, file, {
    checkMachine: (config) => checkMachine(config, thisMachine),
  });
  const config = 'config' in loaded ? loaded.config : undefined;
  const problems = 'config' in loaded ? loaded.warnings : loaded.problems;
  if (config === undefined) this.process.exitCode = EXIT.configRefused;
  if (output === 'json') {
    const summary = config === undefined ? undefined : toSummary(config);
    stdout.write(`${JSON.stringify({ file, isGood: config !== undefined, problems, summary }, null, 2)}\n`);
    return;
  }
  printProblems(this, problems);
  if (config !== undefined) stdout.write(formatSummary(file, config, paintFor(stdout, env)));
}
