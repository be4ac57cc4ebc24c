// The tokens in the relay's URLs: whoever has one may open the stream it stands for, once and soon. Pure but for the
// clock and the source of chance, which are handed in.
import type { Clock } from '../clock.ts';
import type { StreamKind } from '../cri/methods.ts';

/** As long as the container runtimes let their own tokens live. */
export const TOKEN_LIFE_MS = 60_000;
/** Tokens out at once; then the oldest goes. A client uses its token within milliseconds, so that one is forgotten. */
export const TOKENS_AT_MOST = 1_000;

export interface TokensOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** At least 128 bits of chance, of letters, digits, "-" and "_". */
  readonly newToken: () => string;
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAtMs: number; // on the clock's now()
}

/** What each token stands for. A token is of one kind: one for Exec opens no PortForward. */
export class Tokens<T> {
  readonly #options: TokensOptions;
  /** By kind and token; oldest first, as all live equally long. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** A new token for `value`. */
  issue(kind: StreamKind, value: T): string {
    const { clock, newToken } = this.#options;
    const now = clock.now();
    for (const [key, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs > now && this.#entries.size < TOKENS_AT_MOST) break;
      this.#entries.delete(key);
    }
    const token = newToken();
    this.#entries.set(`${kind}/${token}`, { value, expiresAtMs: now + TOKEN_LIFE_MS });
    return token;
  }

  /** What a token stands for; from then on it stands for nothing. Undefined when it never did, or not any more. */
  take(kind: string, token: string): T | undefined {
    const key = `${kind}/${token}`;
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    return entry !== undefined && entry.expiresAtMs > this.#options.clock.now() ? entry.value : undefined;
  }
}
