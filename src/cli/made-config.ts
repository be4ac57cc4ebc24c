// Configs that `serve --discover` makes itself: for runtimes found on the machine, and for the simulated ones. They
// are text like any other config, so that they are checked the same way and can be shown and kept.
import path from 'node:path';
import { stringify } from 'yaml';
import type { ProfileName } from '../simulator/profile.ts';

/** Where a made config lets Switchyard live. */
export interface Surroundings {
  /** Folder for the socket and the state; exists. */
  readonly dir: string;
  /** As `admin.address` of the config. */
  readonly adminAddress: string;
}

/** One backend of a made config. */
export interface MadeBackend {
  readonly name: string;
  readonly socket: string;
  /** The runtime handlers it exposes; the first backend also gets pods that ask for none. */
  readonly handlers: readonly string[];
}

/** A backend that is played inside this process. */
export interface EmbeddedBackend extends MadeBackend {
  readonly profile: ProfileName;
}

/** The simulated runtimes, the default one first. */
export function embeddedBackends(dir: string): readonly EmbeddedBackend[] {
  const socket = (name: string) => path.join(dir, `${name}.sock`);
  return [
    { name: 'containerd', profile: 'containerd-2.1', socket: socket('containerd'), handlers: ['runc'] },
    { name: 'cri-o', profile: 'cri-o', socket: socket('cri-o'), handlers: ['crun'] },
    { name: 'docker', profile: 'cri-dockerd', socket: socket('docker'), handlers: ['docker'] },
  ];
}

/**
 * Names a runtime by its socket's file name, with the handler that its usual configuration knows. A second one of a
 * kind gets a number, and no handler: one name can stand for one backend only.
 */
export function foundBackends(sockets: readonly string[]): readonly MadeBackend[] {
  const seen = new Map<string, number>();
  return sockets.map((socket) => {
    const kind = kindOf(path.basename(socket));
    const serial = (seen.get(kind.name) ?? 0) + 1;
    seen.set(kind.name, serial);
    return serial === 1 ? { ...kind, socket } : { name: `${kind.name}-${serial}`, socket, handlers: [] };
  });
}

function kindOf(file: string): Omit<MadeBackend, 'socket'> {
  if (file.startsWith('crio')) return { name: 'cri-o', handlers: ['crun'] };
  if (file.includes('docker')) return { name: 'docker', handlers: ['docker'] };
  return { name: 'containerd', handlers: ['runc'] };
}

/** A config without rules: the first backend is the default, the others are reached by handler. */
export function configForFound(backends: readonly MadeBackend[], surroundings: Surroundings): string {
  return stringify(baseConfig(backends, surroundings));
}

/** A config that shows every way to choose: by handler, by annotation, by rule and by default. */
export function configForEmbedded(backends: readonly MadeBackend[], surroundings: Surroundings): string {
  return stringify({
    ...baseConfig(backends, surroundings),
    annotation: { key: ANNOTATION, namespaces: ['build-*'] },
    rules: [{ name: 'ci on docker', match: { namespaces: ['ci-*'] }, backend: 'docker' }],
  });
}

/** The annotation by which pods of the embedded config choose a backend. */
export const ANNOTATION = 'switchyard.dev/backend';

function baseConfig(backends: readonly MadeBackend[], { dir, adminAddress }: Surroundings) {
  return {
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    listen: { socket: path.join(dir, 'cri.sock') },
    admin: { address: adminAddress },
    stateDir: path.join(dir, 'state'),
    backends: backends.map(({ name, socket, handlers }, index) => ({
      name,
      endpoint: `unix://${socket}`,
      ...(index === 0 ? { default: true } : {}),
      handlers: Object.fromEntries(handlers.map((handler) => [handler, handler])),
    })),
  };
}
