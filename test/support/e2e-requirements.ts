// What the end-to-end tests need of a machine. A machine that lacks something skips them and says why; in CI that is a
// failure, so that they can't vanish unnoticed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'vitest';
import { missingFor } from './containerd.ts';

const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The path of a system program that the e2e packages bring; throws when it is not there. */
export function programPath(name: string): string {
  const found = findProgram(name);
  if (found === undefined) throw new Error(`${name} is not installed: run scripts/install-e2e-packages.sh`);
  return found;
}

function findProgram(name: string): string | undefined {
  return PROGRAM_FOLDERS.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Why real containers cannot run here; undefined when they can. Throws instead in CI. */
export function whyNoContainers(): string | undefined {
  const reason = findReason();
  if (reason !== undefined && process.env['CI'] !== undefined)
    throw new Error(`in CI this must run: ${reason}`);
  return reason;
}

function findReason(): string | undefined {
  if (process.platform !== 'linux') return 'real containers need Linux';
  if (process.getuid?.() !== 0) return 'real containers need root';
  if (!existsSync('/sys/fs/cgroup/cgroup.procs') && !existsSync('/sys/fs/cgroup/memory')) return 'no cgroups';
  const missing = [
    ...missingFor('1.6'),
    ...missingFor('1.7'),
    ...missingFor('2'),
    ...['docker-registry', 'skopeo', 'curl', 'nghttp', 'h2load', 'haproxy', 'nginx', 'ip', 'umount'].filter(
      (name) => findProgram(name) === undefined,
    ),
  ];
  if (missing.length === 0) return undefined;
  return `missing ${missing.join(', ')}: run scripts/install-e2e-packages.sh`;
}

/** Skips a test, with the reason, when there is one. For use in beforeEach. */
export function skipWhen(context: TestContext, reason: string | undefined): void {
  if (reason !== undefined) context.skip(reason);
}
