// What a command may touch of the world: output, environment, files, signals. Handed in, so that tests run commands
// without a process of their own.
import { tmpdir } from 'node:os';
import type { CommandContext } from '@stricli/core';
import { readTextFile } from './text-file.ts';

/** A stream for people or programs to read. */
export interface Output {
  write(text: string): void;
  readonly isTTY?: boolean;
  /** Only terminals have it; it heeds NO_COLOR. */
  readonly getColorDepth?: (env?: Readonly<Partial<Record<string, string>>>) => number;
}

/** The part of Node's `process` that commands use. */
export interface CliProcess {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Partial<Record<string, string>>>;
  /** Set by a command that ends with another code than its return or throw says. */
  exitCode?: number;
}

/** The signals that commands listen for. */
export type SignalName = 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** Given to every command as `this`. */
export interface CliContext extends CommandContext {
  readonly process: CliProcess;
  /** Reads a whole file as UTF-8; rejects as node:fs does, or with a NoTextFileError. */
  readText(file: string): Promise<string>;
  /** Calls `listener` for each of these signals that comes; the returned function ends that. */
  onSignals(names: readonly SignalName[], listener: (signal: SignalName) => void): () => void;
  /** Where sockets of container runtimes are looked for, best known first. */
  readonly runtimeSockets: readonly string[];
  /** Folder for what lives as long as the process. Short, because a socket path holds 107 bytes. */
  readonly temporaryDir: string;
}

/** Exit codes of the program. */
export const EXIT = { done: 0, failed: 1, usage: 2, configRefused: 3 } as const;

/** The arguments do not say what to do. The message tells what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Paths with colons between, looked at instead of the well-known ones. */
const SOCKETS_VARIABLE = 'SWITCHYARD_RUNTIME_SOCKETS';

/** Sockets of container runtimes as their packages and documents place them. */
const RUNTIME_SOCKETS: readonly string[] = [
  '/run/containerd/containerd.sock',
  '/var/run/containerd/containerd.sock',
  // k3s and RKE2 (docs.rke2.io, "CLI Tools")
  '/run/k3s/containerd/containerd.sock',
  // k0s (docs.k0sproject.io, "Runtime")
  '/run/k0s/containerd.sock',
  // MicroK8s
  '/var/snap/microk8s/common/run/containerd.sock',
  '/run/crio/crio.sock',
  '/var/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/var/run/cri-dockerd.sock',
];

/** The context of a real process. */
export function processContext(node: NodeJS.Process): CliContext {
  const streams: CliProcess = { stdout: node.stdout, stderr: node.stderr, env: definedOnly(node.env) };
  let isUnwritable = false;
  node.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that goes away early (`| head`) is no failure.
    if (error.code === 'EPIPE' || isUnwritable) return;
    isUnwritable = true;
    streams.exitCode = EXIT.failed;
    node.stderr.write(`standard output cannot be written: ${error.message}\n`);
  });
  // There is nowhere left to say it, and it is no reason to end.
  node.stderr.on('error', () => {});
  const signalListeners = new Map<SignalName, Set<(signal: SignalName) => void>>();
  return {
    process: streams,
    readText: readTextFile,
    onSignals(names, listener) {
      for (const name of names) {
        const known = signalListeners.get(name);
        if (known !== undefined) known.add(listener);
        else {
          const listeners = new Set([listener]);
          signalListeners.set(name, listeners);
          // Never taken off: a late signal would else kill the process before it exits with its own code.
          node.on(name, () => {
            for (const each of listeners) each(name);
          });
        }
      }
      return () => {
        for (const name of names) signalListeners.get(name)?.delete(listener);
      };
    },
    runtimeSockets:
      streams.env[SOCKETS_VARIABLE]?.split(':').filter((path) => path !== '') ?? RUNTIME_SOCKETS,
    temporaryDir: tmpdir(),
  };
}

/** Node types a missing variable as undefined, which exactOptionalPropertyTypes keeps apart from a missing key. */
function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  return defined;
}
