// A process that takes the lock of a state directory when it is asked to, for tests of what happens between processes.
import { systemClock } from '../../src/clock.ts';
import { lockState, type StateLock } from '../../src/ledger/state-lock.ts';

/** What a contender is asked, and what it answers. */
export type Order = { readonly take: string } | 'release';
export type Outcome = 'won' | 'lost' | 'released';

let lock: StateLock | undefined;

process.on('message', async (order: Order) => {
  const outcome = order === 'release' ? release() : await take(order.take);
  process.send?.(outcome);
});

async function take(stateDir: string): Promise<Outcome> {
  try {
    lock = await lockState(stateDir, systemClock);
    return 'won';
  } catch {
    return 'lost';
  }
}

function release(): Outcome {
  lock?.release();
  lock = undefined;
  return 'released';
}
