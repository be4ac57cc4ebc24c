// The program: arguments in, exit code out. All else is in cli/. Built, it is the first chunk that boot.ts loads.
import { processContext } from './cli/context.ts';
import { runCli } from './cli/run.ts';

void runCli(process.argv.slice(2), processContext(process)).then((exitCode) => process.exit(exitCode));
