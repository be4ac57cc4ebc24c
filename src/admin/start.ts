// Starts the admin side after the CRI socket answers. Its trouble never stops the data path.
import { type Clock, sleep } from '../clock.ts';
import type { AdminAddress, AdminOptions, AdminServer } from './server.ts';

/** How long the admin side waits for the first call to be answered. */
const FIRST_ANSWER_MS = 250;

export interface AdminSideOptions extends Omit<AdminOptions, 'address'> {
  /** Undefined: there is no admin side. */
  readonly address: AdminAddress | undefined;
  readonly clock: Clock;
  /** Resolves when a client has had its first answer. */
  readonly firstAnswer: Promise<void>;
}

/** Loads and starts it; undefined when the config has none or it did not start, which is logged. */
export async function startAdminSide(options: AdminSideOptions): Promise<AdminServer | undefined> {
  const { address, log, clock, firstAnswer } = options;
  if (address === undefined) return undefined;
  // Loading it takes the processor for a while; the first call and its answer go before.
  await Promise.race([firstAnswer, sleep(clock, FIRST_ANSWER_MS)]);
  try {
    const { startAdmin } = await import('./server.ts');
    const admin = await startAdmin({ ...options, address });
    log.info({ address: admin.address }, 'serving metrics and health');
    return admin;
  } catch (error) {
    log.error({ err: error }, 'no metrics and health: the admin side did not start');
    return undefined;
  }
}
