// The way from arguments to an exit code. `serve --config FILE`, which is what a node runs, is known without the
// argument parser and the other commands: loading those takes a twentieth of the time to the first answered call.
import type { CliContext } from './context.ts';
import { describeFailure, failureCode } from './failure.ts';

/** Runs the command that `args` names and returns the exit code. Never throws. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const config = plainServeConfig(args);
  if (config === undefined) {
    const { runApp } = await import('./app.ts');
    return runApp(args, context);
  }
  try {
    const { serve } = await import('./commands/serve.ts');
    await serve.call(context, { config, discover: undefined, once: undefined });
    return context.process.exitCode ?? 0;
  } catch (error) {
    context.process.stderr.write(`${describeFailure(error)}\n`);
    return failureCode(error);
  }
}

/** The config of `serve --config FILE`; undefined for all other command lines, which the argument parser reads. */
function plainServeConfig(args: readonly string[]): string | undefined {
  const [command, flag, file] = args;
  const isPlain = args.length === 3 && command === 'serve' && flag === '--config';
  return isPlain && file !== undefined && /^[^-]/.test(file) ? file : undefined;
}
