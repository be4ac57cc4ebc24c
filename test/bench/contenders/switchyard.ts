// Contender: Switchyard as it is shipped, the built program with its admin side, on two backends.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from '../child.ts';

/** Writes a config for two backends into `dir` and returns its path. */
export function writeSwitchyardConfig(
  dir: string,
  name: string,
  listenPath: string,
  backendPaths: readonly string[],
): string {
  const configPath = path.join(dir, `${name}.yaml`);
  const stateDir = path.join(dir, `${name}-state`);
  mkdirSync(stateDir, { recursive: true });
  const backends = backendPaths.map(
    (backendPath, index) => `  - name: bench-${index}
    endpoint: unix://${backendPath}
    handlers: { ${index === 0 ? '"": ""' : 'other: other'} }
${index === 0 ? '    default: true\n' : ''}`,
  );
  writeFileSync(
    configPath,
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen:
  socket: ${listenPath}
admin:
  address: unix://${adminSocketOf(dir, name)}
stateDir: ${stateDir}
backends:
${backends.join('')}`,
  );
  return configPath;
}

/** Where its config has the admin side. */
export function adminSocketOf(dir: string, name: string): string {
  return path.join(dir, `${name}-admin.sock`);
}

/** The command line of the built program. */
export function switchyardCommand(programPath: string, configPath: string): Command {
  return { program: process.execPath, args: [programPath, 'serve', '--config', configPath] };
}
