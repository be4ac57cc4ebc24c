// What the node's one runtime is called. The kubelet reads the runtime's name once and puts it before container ids,
// and agents parse it, so it must not change when a backend is away: it is kept over restarts.
import type { BackendVersion } from './probe.ts';

export class Identity {
  private readonly configuredName: string | undefined;
  private readonly keep: (bytes: Buffer) => void;
  private known: BackendVersion | undefined;

  /**
   * `configuredName` is the config's runtimeName, `kept` what an earlier run gave to `keep`. Bytes that are no identity
   * are as good as none.
   */
  constructor(configuredName: string | undefined, kept: Buffer | undefined, keep: (bytes: Buffer) => void) {
    this.configuredName = configuredName;
    this.keep = keep;
    const version = kept && parse(kept);
    if (version !== undefined)
      this.known = { ...version, runtimeName: configuredName ?? version.runtimeName };
  }

  /** Name and version to report; undefined until the default backend was met for the first time. */
  get version(): BackendVersion | undefined {
    return this.known;
  }

  /**
   * The default backend was met: its name counts the first time only, its version every time. Kubelets refuse a Version
   * with an empty field, and cannot show a node whose runtime version does not begin like one.
   */
  meet({ runtimeName: name, runtimeVersion: version }: BackendVersion): void {
    const runtimeName = this.configuredName ?? this.known?.runtimeName ?? (name || 'unknown');
    const runtimeVersion = /^v?\d+\.\d+/.test(version) ? version : '0.0.0';
    this.known = { runtimeName, runtimeVersion };
    this.keep(Buffer.from(JSON.stringify(this.known)));
  }
}

function parse(kept: Buffer): BackendVersion | undefined {
  try {
    const { runtimeName, runtimeVersion } = JSON.parse(kept.toString()) as Record<string, unknown>;
    if (typeof runtimeName === 'string' && typeof runtimeVersion === 'string')
      return { runtimeName, runtimeVersion };
  } catch {
    // Written by nobody we know: the next contact makes a new one.
  }
  return undefined;
}
