#!/usr/bin/env node
// The program: arguments in, exit code out. All else is in cli/.
import { setFlagsFromString } from 'node:v8';
import { processContext } from './cli/context.ts';
import { runCli } from './cli/run.ts';

// Whatever is loaded at the start survives, and so the young generation would double again and again, towards
// 32 MB that the process keeps and has no use for: what a call leaves behind is dead by the next scavenge.
setFlagsFromString('--semi-space-growth-factor=1');

void runCli(process.argv.slice(2), processContext(process)).then((exitCode) => process.exit(exitCode));
