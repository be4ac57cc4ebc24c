// All attacks, in the order in which they are run.
import type { Attack } from './attack.ts';
import { STREAM_ATTACKS } from './attacks/streams.ts';

export const ATTACKS: readonly Attack[] = [...STREAM_ATTACKS];

/** The attack of this name; throws when there is none. */
export function findAttack(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (found === undefined) throw new Error(`there is no attack ${name}`);
  return found;
}
