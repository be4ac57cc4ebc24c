// `switchyard version`
import { VERSION } from '../../version.ts';
import type { CliContext } from '../context.ts';
import type { OutputFormat } from '../flags.ts';

export interface VersionFlags {
  readonly output: OutputFormat;
}

/** Prints the versions of Switchyard and Node. */
export function version(this: CliContext, { output }: VersionFlags): void {
  const versions = { version: VERSION, node: process.versions.node };
  this.process.stdout.write(
    output === 'json'
      ? `${JSON.stringify(versions, null, 2)}\n`
      : `switchyard ${versions.version} (Node ${versions.node})\n`,
  );
}
