// Plays a client's attack: its connections, each until it ends, and again.
import type { ClientAttack } from './attack.ts';
import { AttackConnection, type Counts, pause } from './attack-connection.ts';

/** Attacks the server at `address` for so long. */
export async function attackServer(
  attack: ClientAttack,
  address: string,
  durationMs: number,
  counts: Counts,
): Promise<void> {
  const endMs = performance.now() + durationMs;
  const lanes = Array.from({ length: attack.connections ?? 1 }, (_, lane) => lane);
  await Promise.all(lanes.map((lane) => attackFrom(lane, attack, address, endMs, counts)));
}

async function attackFrom(
  lane: number,
  attack: ClientAttack,
  address: string,
  endMs: number,
  counts: Counts,
): Promise<void> {
  const { hello = () => AttackConnection.hello, burst = () => undefined, everyMs = 0 } = attack;
  while (performance.now() < endMs) {
    const connection = await AttackConnection.dial(address, lane, counts, attack.reads ?? true);
    if (connection !== undefined) {
      connection.send(hello(connection));
      await connection.sendBursts(burst, everyMs, endMs);
      if (attack.leaves !== true)
        while (!connection.isEnded && performance.now() < endMs) await connection.wait(endMs);
      if (connection.isEnded) counts.ended++;
      connection.destroy();
    }
    await pause(attack.returnsAfterMs ?? 20);
  }
}
