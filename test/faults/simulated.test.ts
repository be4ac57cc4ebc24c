// Faults of simulated runtimes and of Switchyard itself, each a process of its own, under a load like a kubelet's.
import { afterAll, beforeEach, describe, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { type DrillResult, tableOf } from './drill.ts';
import {
  killing,
  movedSocket,
  proxyKilled,
  proxyKilledDuring,
  replacement,
  standstill,
} from './fault-kinds.ts';
import { rehearse } from './rehearse.ts';

const results: DrillResult[] = [];

beforeEach((context) => skipWhen(context, whyNoProgram()));
afterAll(() => {
  if (results.length > 0) process.stdout.write(`\n${tableOf(results)}\n\n`);
});

describe('Switchyard in front of runtimes that fail, under load', () => {
  it('lives through a backend that stands still, also the default one', async () => {
    results.push(...(await rehearse((stage) => [standstill(stage, 'second'), standstill(stage, 'first')])));
  });

  it('lives through a backend that is killed, and one that is replaced at once', async () => {
    results.push(...(await rehearse((stage) => [killing(stage, 'third'), replacement(stage, 'second')])));
  });

  it('lives through a socket file that goes away, and its own end', async () => {
    results.push(
      ...(await rehearse((stage) => [
        movedSocket(stage, 'second'),
        proxyKilled(stage),
        proxyKilledDuring(stage, standstill(stage, 'second')),
        proxyKilledDuring(stage, movedSocket(stage, 'third')),
        proxyKilledDuring(stage, killing(stage, 'first')),
      ])),
    );
  });
});
