// Builds configs for tests, through the loader, so that no test works on a config that a user could not have.
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problems.ts';
import type { ConfigFileInput } from '../../src/config/schema.ts';

/** What a test may say: any part of the config file, as it is written. */
export type ConfigTraits = Partial<Omit<ConfigFileInput, 'apiVersion' | 'kind'>>;

/** A config with what the test says and one default backend, containerd, unless it says other ones. Throws on problems. */
export function aConfig(traits: ConfigTraits = {}): Config {
  const loaded = loadConfig(aConfigText(traits), 'config.yaml');
  if ('config' in loaded) return loaded.config;
  throw new Error(loaded.problems.map(formatProblem).join('\n'));
}

/** As aConfig, but the text of the file. */
export function aConfigText(traits: ConfigTraits = {}): string {
  return JSON.stringify({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    backends: [{ name: 'containerd', endpoint: 'unix:///run/containerd/containerd.sock' }],
    ...traits,
  });
}
