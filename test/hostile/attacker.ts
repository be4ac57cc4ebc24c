// The attacker's process: `attacker NAME SWITCHYARD [SOCKET]`, where SOCKET is where a hostile backend listens. Over ipc it
// says 'ready', takes how long to attack in milliseconds, and says what became of it (AttackReport).
import { once } from 'node:events';
import { Counts } from './attack-connection.ts';
import { findAttack } from './attacks.ts';
import { HostileBackend } from './hostile-backend.ts';
import { attackServer } from './hostile-client.ts';

const [name = '', switchyard = '', socket = ''] = process.argv.slice(2);
const attack = findAttack(name);
attack.prepare?.();
const counts = new Counts();

let run: (durationMs: number) => Promise<void>;
if (attack.attacker === 'client') run = (durationMs) => attackServer(attack, switchyard, durationMs, counts);
else {
  const backend = new HostileBackend(attack, counts);
  await backend.listen(socket);
  run = (durationMs) => backend.run(switchyard, durationMs);
}
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
const [durationMs] = (await once(process, 'message')) as [number];
await run(durationMs);
process.send?.(counts);
