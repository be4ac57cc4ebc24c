// URLs of Exec, Attach and PortForward, in the form of the runtime that is played.

import type { IdSource } from './ids.ts';
import type { Profile } from './profile.ts';

/** Makes one URL after the other. Nothing listens there: the simulator has no processes to stream to. */
export class StreamUrls {
  readonly #start: string;
  readonly #ids: IdSource;

  constructor(profile: Profile, ids: IdSource, port: number) {
    const { base, prefix } = profile.streamUrl;
    this.#start = `${base.replace('{port}', String(port))}${prefix}`;
    this.#ids = ids;
  }

  /** A URL with a fresh token. */
  next(kind: 'exec' | 'attach' | 'portforward'): string {
    return `${this.#start}/${kind}/${this.#ids.newToken()}`;
  }
}
