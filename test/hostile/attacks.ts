// All attacks, in the order in which they are run.
import type { Attack } from './attack.ts';
import { BACKEND_ANSWER_ATTACKS } from './attacks/backend-answers.ts';
import { BACKEND_LIFE_ATTACKS } from './attacks/backend-lives.ts';
import { CONNECTION_ATTACKS } from './attacks/connections.ts';
import { FLOOD_ATTACKS } from './attacks/floods.ts';
import { HEADER_ATTACKS } from './attacks/headers.ts';
import { STALL_ATTACKS } from './attacks/stalls.ts';
import { STREAM_ATTACKS } from './attacks/streams.ts';

export const ATTACKS: readonly Attack[] = [
  ...STREAM_ATTACKS,
  ...FLOOD_ATTACKS,
  ...HEADER_ATTACKS,
  ...STALL_ATTACKS,
  ...CONNECTION_ATTACKS,
  ...BACKEND_ANSWER_ATTACKS,
  ...BACKEND_LIFE_ATTACKS,
];

/** The attack of this name; throws when there is none. */
export function findAttack(name: string): Attack {
  const found = ATTACKS.find((attack) => attack.name === name);
  if (found === undefined) throw new Error(`there is no attack ${name}`);
  return found;
}
