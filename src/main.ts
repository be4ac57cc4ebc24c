// The program: arguments in, exit code out. All else is in cli/. Built, it is the first chunk that boot.ts loads.
import { processContext } from './cli/context.ts';
import { runCli } from './cli/run.ts';

const context = processContext(process);
void runCli(process.argv.slice(2), context).then((exitCode) =>
  // A turn later: an output that could not be written is heard of then.
  setImmediate(() => process.exit(exitCode === 0 ? (context.process.exitCode ?? 0) : exitCode)),
);
