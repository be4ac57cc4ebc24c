// What the loader says about a config text, line by line as a user sees it.
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';

/** Errors and warnings of a text, formatted, with the file called `c.yaml`; empty when all is well. */
export function problemsOf(text: string, options?: LoadOptions): string[] {
  const loaded = loadConfig(text, 'c.yaml', options);
  return ('problems' in loaded ? loaded.problems : loaded.warnings).map(formatProblem);
}

/** The first two lines of every config, in front of `rest`, which therefore starts on line 3. */
export function configText(rest: string): string {
  return `apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n${rest}`;
}
