// What the node's one runtime is called. The kubelet reads the runtime's name once and puts it before container ids,
// and agents parse it, so it must not change when a backend is away: it is kept in the state folder.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BackendVersion } from './probe.ts';

const FILE = 'identity.json';

export class Identity {
  private readonly file: string;
  private readonly configuredName: string | undefined;
  private readonly onTrouble: (reason: string) => void;
  private known: BackendVersion | undefined;

  /** `configuredName` is the config's runtimeName. `onTrouble` hears why the name could not be kept; calls go on. */
  constructor(stateDir: string, configuredName: string | undefined, onTrouble: (reason: string) => void) {
    this.file = path.join(stateDir, FILE);
    this.configuredName = configuredName;
    this.onTrouble = onTrouble;
  }

  /** Name and version to report; undefined until the default backend was met for the first time. */
  get version(): BackendVersion | undefined {
    return this.known;
  }

  /** Reads what an earlier run kept. */
  async load(): Promise<void> {
    try {
      const kept: unknown = JSON.parse(await readFile(this.file, 'utf8'));
      if (isVersion(kept)) this.known = { ...kept, runtimeName: this.configuredName ?? kept.runtimeName };
      else this.onTrouble(`${this.file} is not a kept identity; it is written anew`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.onTrouble(String(error));
    }
  }

  /**
   * The default backend was met: its name counts the first time only, its version every time. Written at once, because
   * the name may be told to a kubelet the next moment; it changes hardly ever.
   */
  meet(version: BackendVersion): void {
    const runtimeName = this.configuredName ?? this.known?.runtimeName ?? version.runtimeName;
    const { runtimeVersion } = version;
    if (this.known?.runtimeName === runtimeName && this.known.runtimeVersion === runtimeVersion) return;
    this.known = { runtimeName, runtimeVersion };
    try {
      mkdirSync(path.dirname(this.file), { recursive: true });
      writeFileSync(`${this.file}.new`, `${JSON.stringify(this.known)}\n`);
      renameSync(`${this.file}.new`, this.file);
    } catch (error) {
      this.onTrouble(`the runtime's name could not be kept in ${this.file}: ${String(error)}`);
    }
  }
}

function isVersion(value: unknown): value is BackendVersion {
  if (typeof value !== 'object' || value === null) return false;
  const { runtimeName, runtimeVersion } = value as Record<string, unknown>;
  return typeof runtimeName === 'string' && runtimeName !== '' && typeof runtimeVersion === 'string';
}
