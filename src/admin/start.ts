// Starts the admin side after the CRI socket answers. Its trouble never stops the data path.
import { type Clock, sleep, type Timer } from '../clock.ts';
import { StartError } from '../errors.ts';
import type { AdminAddress, AdminOptions, AdminServer } from './server.ts';

/** How long the admin side waits for the first call to be answered. */
const FIRST_ANSWER_MS = 250;
/** Until it is tried again, the first time and at most. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

export interface AdminSideOptions extends Omit<AdminOptions, 'address'> {
  /** Undefined: there is no admin side. */
  readonly address: AdminAddress | undefined;
  readonly clock: Clock;
  /** Resolves when a client has had its first answer. */
  readonly firstAnswer: Promise<void>;
}

/** The admin side from the moment that it is wanted. */
export interface AdminSide {
  /** Where it listens; undefined while it does not. */
  readonly address: string | undefined;
  close(): Promise<void>;
}

/**
 * Loads and starts it; undefined when the config has none. When it cannot start, as when its address is taken, that is
 * logged once and tried again until it can.
 */
export async function startAdminSide(options: AdminSideOptions): Promise<AdminSide | undefined> {
  const { address, clock, firstAnswer } = options;
  if (address === undefined) return undefined;
  // Loading it takes the processor for a while; the first call and its answer go before.
  await Promise.race([firstAnswer, sleep(clock, FIRST_ANSWER_MS)]);
  const side = new RetriedAdminSide({ ...options, address });
  await side.start();
  return side;
}

class RetriedAdminSide implements AdminSide {
  readonly #options: AdminOptions & { readonly clock: Clock };
  #server: AdminServer | undefined;
  #retry: Timer | undefined;
  #waitMs = FIRST_WAIT_MS;
  #isClosed = false;

  constructor(options: AdminOptions & { readonly clock: Clock }) {
    this.#options = options;
  }

  get address(): string | undefined {
    return this.#server?.address;
  }

  async start(): Promise<void> {
    const { log, clock } = this.#options;
    try {
      const { startAdmin } = await import('./server.ts');
      this.#server = await startAdmin(this.#options);
      if (this.#isClosed) await this.#server.close();
      else log.info({ address: this.#server.address }, 'serving metrics and health');
    } catch (error) {
      if (this.#isClosed) return;
      if (this.#retry === undefined)
        log.error(
          error instanceof StartError ? { reason: error.message, hint: error.hint } : { err: error },
          'no metrics and health yet: the admin side cannot start, and is tried again',
        );
      this.#retry = clock.after(this.#waitMs, () => void this.start());
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#server?.close();
  }
}
