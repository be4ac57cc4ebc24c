// The soak: a load like a kubelet's on three simulated runtimes, and one fault after another, for as long as is asked.
// The answers are held against what is known to be true all the time, and against the runtimes in the end.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { audit } from '../faults/audit.ts';
import { type Drill, type DrillResult, lists, play, tableOf } from '../faults/drill.ts';
import {
  killing,
  movedSocket,
  proxyKilled,
  proxyKilledDuring,
  replacement,
  standstill,
} from '../faults/fault-kinds.ts';
import { type SimulatedStage, simulatedStage } from '../faults/stage.ts';
import { Samples } from './samples.ts';

const USAGE = `Usage: npm run soak -- [options]

Puts Switchyard and three simulated runtimes to faults under load and counts wrong answers; exit code 1 when there is one.

  --minutes N   how long (default 10)
  --csv FILE    where the samples go, one line each second (default soak.csv)
  --seed N      the same seed chooses the same faults (default: a new one, which is printed)
  --help
`;

/** Objects that were gone this long ago are forgotten, so that a long soak does not fill the memory. */
const REMEMBERED_MS = 60_000;
const PAUSE_ROUNDS = 10;

/** Runs it; resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '10' },
      csv: { type: 'string', default: 'soak.csv' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (values.help || !(minutes > 0)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const csv = path.resolve(values.csv);
  process.stdout.write(`soak: ${minutes} minutes, seed ${values.seed}, samples in ${csv}\n`);
  await using stage = await simulatedStage({ load: { stayingPods: 5, workers: 3 } });
  await stage.load.start();
  const samples = new Samples(stage, csv);
  const isOver = overAfter(minutes * 60_000);
  const next = random(Number(values.seed));
  const outcome = await soak(stage, samples, isOver, next).catch((error: unknown) => error);
  await stage.load.stop();
  if (Array.isArray(outcome)) await audit(stage.load.calls, stage.backends);
  await samples.end();
  return tell(stage, samples, outcome);
}

/** Over when the time is, or after the fault at hand when somebody asks to stop. */
function overAfter(durationMs: number): () => boolean {
  const endMs = performance.now() + durationMs;
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      isStopped = true;
    });
  }
  return () => isStopped || performance.now() >= endMs;
}

/** One fault after another; resolves to what the load saw of each. */
async function soak(
  stage: SimulatedStage,
  samples: Samples,
  isOver: () => boolean,
  next: () => number,
): Promise<DrillResult[]> {
  const { load } = stage;
  const { record, check } = load.calls;
  const results: DrillResult[] = [];
  while (!isOver()) {
    await lists(stage, PAUSE_ROUNDS, performance.now());
    const drill = chooseDrill(stage, next);
    samples.fault = drill.fault;
    const result = await play(stage, drill);
    samples.fault = '';
    if (drill.cutsClients !== true && result.listsFailed + result.othersFailed > 0)
      check.wrong(
        `${drill.fault}: ${result.listsFailed} lists and ${result.othersFailed} calls of others failed`,
      );
    results.push(result);
    for (const { name } of stage.backends) await load.restock(name);
    const pastMs = performance.now() - REMEMBERED_MS;
    record.forget(pastMs);
    check.forget(pastMs);
  }
  return results;
}

function chooseDrill(stage: SimulatedStage, next: () => number): Drill {
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T;
  const { name } = oneOf(stage.backends);
  const drill = oneOf([standstill, killing, replacement, movedSocket])(stage, name);
  if (next() < 0.15) return proxyKilled(stage);
  return next() < 0.25 ? proxyKilledDuring(stage, drill) : drill;
}

function tell(stage: SimulatedStage, samples: Samples, outcome: unknown): number {
  const { check } = stage.load.calls;
  if (Array.isArray(outcome)) process.stdout.write(`\n${tableOf(byFault(outcome as DrillResult[]))}\n`);
  else process.stdout.write(`\nthe soak broke off: ${outcome instanceof Error ? outcome.stack : outcome}\n`);
  process.stdout.write(
    `\n${check.wrongCount} wrong answers, at most ${Math.round(samples.mostResidentMib)} MiB resident\n`,
  );
  for (const wrong of check.wrongs) process.stdout.write(`  ${wrong}\n`);
  const isGood = Array.isArray(outcome) && check.wrongCount === 0;
  if (!isGood) process.stdout.write(`\nSwitchyard wrote last:\n${stage.switchyard.logTail(40)}\n`);
  return isGood ? 0 : 1;
}

/** One line for each fault: sums, and the worst of the times. */
function byFault(results: readonly DrillResult[]): DrillResult[] {
  return [...new Set(results.map(({ fault }) => fault))].map((fault) => {
    const group = results.filter((result) => result.fault === fault);
    const sum = (read: (result: DrillResult) => number) => group.reduce((total, one) => total + read(one), 0);
    const most = (read: (result: DrillResult) => number) => Math.max(...group.map(read));
    return {
      fault: `${group.length} x ${fault}`,
      calls: sum(({ calls }) => calls),
      wrong: sum(({ wrong }) => wrong),
      listsFailed: sum(({ listsFailed }) => listsFailed),
      othersFailed: sum(({ othersFailed }) => othersFailed),
      slowestListMs: most(({ slowestListMs }) => slowestListMs),
      slowestStatusMs: most(({ slowestStatusMs }) => slowestStatusMs),
      listsServedMs: most(({ listsServedMs }) => listsServedMs),
      wholeMs: most(({ wholeMs }) => wholeMs),
    };
  });
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
