// A context whose process is made up: what a command writes is kept, and signals are sent by hand.
import { tmpdir } from 'node:os';
import type { CliContext, SignalName } from '../../../src/cli/context.ts';
import { runCli } from '../../../src/cli/run.ts';
import { readTextFile } from '../../../src/cli/text-file.ts';

export interface FakeContext extends CliContext {
  /** All that was written to standard output so far. */
  readonly out: string;
  /** All that was written to standard error so far. */
  readonly err: string;
  signal(name: SignalName): void;
  /** Listeners for signals that are there now. */
  readonly signalListeners: number;
}

export interface FakeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  /** Contents by path; other files are read from the disk. */
  readonly files?: Readonly<Record<string, string>>;
  readonly runtimeSockets?: readonly string[];
  readonly temporaryDir?: string;
}

export function fakeContext(options: FakeOptions = {}): FakeContext {
  let out = '';
  let err = '';
  const listeners = new Map<(signal: SignalName) => void, readonly SignalName[]>();
  const terminal = options.isTTY === true ? { isTTY: true, getColorDepth: () => 8 } : {};
  return {
    process: {
      stdout: {
        ...terminal,
        write(text) {
          out += text;
        },
      },
      stderr: {
        ...terminal,
        write(text) {
          err += text;
        },
      },
      env: options.env ?? {},
    },
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    readText: async (file) => options.files?.[file] ?? readTextFile(file),
    onSignals(names, listener) {
      listeners.set(listener, names);
      return () => listeners.delete(listener);
    },
    signal: (name) => {
      for (const [listener, names] of [...listeners]) if (names.includes(name)) listener(name);
    },
    get signalListeners() {
      return listeners.size;
    },
    runtimeSockets: options.runtimeSockets ?? [],
    temporaryDir: options.temporaryDir ?? tmpdir(),
  };
}

export interface RunResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end. */
export async function runFake(args: readonly string[], options?: FakeOptions): Promise<RunResult> {
  const context = fakeContext(options);
  const code = await runCli(args, context);
  return { code, out: context.out, err: context.err };
}
