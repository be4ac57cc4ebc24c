// The tokens in the relay's URLs: whoever has one may open the stream it stands for, once and soon. Pure but for the
// clock and the source of chance, which are handed in.
import type { Clock } from '../clock.ts';
import type { StreamKind } from '../cri/methods.ts';

/** As long as the container runtimes let their own tokens live. */
export const TOKEN_LIFE_MS = 60_000;
/** Tokens out at once; then the oldest of the client that has most goes. One uses a token within milliseconds. */
export const TOKENS_AT_MOST = 1_000;

export interface TokensOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** At least 128 bits of chance, of letters, digits, "-" and "_". */
  readonly newToken: () => string;
}

interface Entry<T> {
  readonly value: T;
  readonly client: object;
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

  /** A new token for `value`. `client` is the same object for all tokens of a client, and is only compared. */
  issue(kind: StreamKind, value: T, client: object): string {
    const { clock, newToken } = this.#options;
    const now = clock.now();
    for (const [key, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs > now) break;
      this.#entries.delete(key);
    }
    if (this.#entries.size >= TOKENS_AT_MOST) this.#dropOne();
    const token = newToken();
    this.#entries.set(`${kind}/${token}`, { value, client, expiresAtMs: now + TOKEN_LIFE_MS });
    return token;
  }

  /** What a token stands for; from then on it stands for nothing. Undefined when it never did, or not any more. */
  take(kind: string, token: string): T | undefined {
    const key = `${kind}/${token}`;
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    return entry !== undefined && entry.expiresAtMs > this.#options.clock.now() ? entry.value : undefined;
  }

  /** Counted anew each time: it happens to those alone who ask for a thousand streams in a minute and open none. */
  #dropOne(): void {
    const counts = new Map<object, number>();
    for (const { client } of this.#entries.values()) counts.set(client, (counts.get(client) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [key, { client }] of this.#entries) {
      if (counts.get(client) !== most) continue;
      this.#entries.delete(key);
      return;
    }
  }
}
