// Each attack of attacks.ts on the built program. An attack must not kill it, not make it hold more memory than it may,
// and not cost a well-behaved client a single call.
//   SWITCHYARD_HOSTILE_MS     how long each attack lasts (default 1000)
//   SWITCHYARD_HOSTILE_ONLY   part of the names of those that are to be run
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { ATTACKS } from './attacks.ts';
import { HostileStage, type Outcome } from './stage.ts';

const durationMs = Number(process.env['SWITCHYARD_HOSTILE_MS'] ?? 1_000);
const only = process.env['SWITCHYARD_HOSTILE_ONLY'] ?? '';
/** However often a peer misbehaves in a second. */
const WARNINGS = 20 + durationMs / 100;

let stage: HostileStage;
beforeEach((context) => skipWhen(context, whyNoProgram()));
beforeAll(async () => {
  if (whyNoProgram() === undefined) stage = await HostileStage.open();
});
afterAll(() => stage?.[Symbol.asyncDispose]());

function figures({ report, peakMiB, calls, slowestMs, warnings, callsTaken }: Outcome): string {
  const goaways = Object.entries(report.goaways).map(([code, count]) => `, ${count} ${code}`);
  return (
    `  ${report.connections} connections (${report.ended} ended${goaways.join('')}), ` +
    `${(report.sentBytes / 1e6).toFixed(1)} MB in ${report.bursts} bursts; peak ${peakMiB} MiB; ` +
    `${calls} good calls, slowest ${slowestMs.toFixed(0)} ms; ${callsTaken} calls taken, ${warnings.length} warnings\n`
  );
}

/** Some of many lines. */
function samplesOf(lines: readonly string[]): string {
  const step = Math.max(1, Math.floor(lines.length / 8));
  return lines.filter((_, index) => index % step === 0).join('\n');
}

describe('Switchyard under attack', () => {
  it.each(ATTACKS.filter(({ name }) => name.includes(only)))(
    'serves all others when a $attacker attacks with $name ($source)',
    async (attack) => {
      const outcome = await stage.play(attack, durationMs);
      process.stdout.write(`\n${attack.attacker}: ${attack.name}\n${figures(outcome)}`);
      expect(outcome.failures.length, samplesOf(outcome.failures)).toBe(0);
      expect(outcome.bugs).toEqual([]);
      expect(outcome.peakMiB).toBeLessThanOrEqual(attack.peakMiB);
      expect(outcome.warnings.length, samplesOf(outcome.warnings)).toBeLessThan(WARNINGS);
      if (attack.attacker === 'backend' && attack.mostConnections !== undefined) {
        expect(outcome.report.connections).toBeLessThanOrEqual(attack.mostConnections);
      }
      if (attack.attacker === 'client' && attack.mostCallsPerSecond !== undefined) {
        const perSecond = (outcome.callsTaken - outcome.calls) / (durationMs / 1000);
        expect(perSecond).toBeLessThanOrEqual(attack.mostCallsPerSecond);
      }
      if (attack.outcome?.kind === 'borne') expect(outcome.report.ended).toBe(0);
      if (attack.outcome?.kind === 'refused') {
        expect(outcome.report.ended).toBeGreaterThan(0);
        const { code } = attack.outcome;
        if (code !== undefined) expect(outcome.report.goaways[code]).toBeGreaterThan(0);
      }
    },
    durationMs + 60_000,
  );
});
