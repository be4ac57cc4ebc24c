// Starts an attacker in a process of its own, so that its work is not the test's, and tells it when to attack.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Attack, AttackReport } from './attack.ts';

export class AttackerProcess implements Disposable {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Starts it; a hostile backend listens on `socket` when this resolves. */
  static async start(
    program: string,
    attack: Attack,
    address: string,
    socket = '',
  ): Promise<AttackerProcess> {
    // Not the options of the test's own Node.
    const child = fork(program, [attack.name, address, socket], { execArgv: [] });
    const attacker = new AttackerProcess(child);
    await attacker.answer();
    return attacker;
  }

  /** Attacks for so long; resolves to what became of it. */
  async attack(durationMs: number): Promise<AttackReport> {
    this.child.send(durationMs);
    return (await this.answer()) as AttackReport;
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }

  private async answer(): Promise<unknown> {
    const ended = once(this.child, 'exit').then(([code]) => {
      throw new Error(`the attacker ended with code ${code}`);
    });
    ended.catch(() => {}); // it ends after its last answer, when nobody waits
    const [message] = (await Promise.race([once(this.child, 'message'), ended])) as [unknown];
    return message;
  }
}
