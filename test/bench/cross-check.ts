// Are the load client's figures right? The same calls by h2load, which shares no code with the project, in turns with
// the load client's own. h2load cannot ask two backends at once, and looks at no answer: so it checks and does not replace.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Child } from './child.ts';
import type { SliceOrder } from './load-client.ts';
import type { Contender } from './rounds.ts';
import type { SliceResult } from './slice.ts';
import { quantile, spreadOf } from './statistics.ts';
import { type Cell, cellName, exchangesOf, isSmall } from './workloads.ts';

const ROUNDS = 5;
const run = promisify(execFile);

export interface CrossCheckOptions {
  /** Where h2load's files go. */
  readonly dir: string;
  readonly cells: readonly Cell[];
  readonly contenders: readonly Contender[];
  readonly client: Child;
  readonly sliceMs: number;
}

/** Lines that set both clients' p50 of every small cell side by side, for each contender. */
export async function crossCheck(options: CrossCheckOptions): Promise<string[]> {
  try {
    await run('h2load', ['--version']);
  } catch {
    return ['Cross-check: left out, h2load is not installed (Debian package nghttp2-client).'];
  }
  const lines = [
    '',
    'Cross-check: p50 in us by h2load / by the load client, and its ratio to direct by either',
  ];
  for (const cell of options.cells.filter(({ workload }) => isSmall(workload))) {
    const figures = await compare(cell, options);
    lines.push(cellName(cell));
    const direct = figures.get(options.contenders[0]?.name ?? '');
    for (const [name, { byH2load, byClient }] of figures) {
      const own = `${byH2load.toFixed(0)} / ${byClient.toFixed(0)}`;
      const ratios =
        direct && `${(byH2load / direct.byH2load).toFixed(2)} / ${(byClient / direct.byClient).toFixed(2)}`;
      lines.push(`  ${name.padEnd(16)}${own.padEnd(21)}${ratios}`);
    }
  }
  return lines;
}

interface Pair {
  readonly byH2load: number;
  readonly byClient: number;
}

async function compare(cell: Cell, options: CrossCheckOptions): Promise<Map<string, Pair>> {
  const { contenders, client, sliceMs, dir } = options;
  const samples = new Map(
    contenders.map(({ name }) => [name, { byH2load: [] as number[], byClient: [] as number[] }]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) {
      const sockets = contender.socketsFor(cell);
      const order: SliceOrder = { ...cell, durationMs: sliceMs, isLeadIn: false, sockets };
      const { p50Us, calls } = await client.ask<SliceResult>(order);
      samples.get(contender.name)?.byClient.push(p50Us);
      samples.get(contender.name)?.byH2load.push(await h2loadP50(dir, cell, sockets[0] ?? '', calls));
    }
  }
  const medianOf = (values: readonly number[]): number => spreadOf(values)?.median ?? Number.NaN;
  return new Map(
    [...samples].map(([name, { byH2load, byClient }]) => [
      name,
      { byH2load: medianOf(byH2load), byClient: medianOf(byClient) },
    ]),
  );
}

async function h2loadP50(dir: string, cell: Cell, socket: string, calls: number): Promise<number> {
  const requestPath = path.join(dir, 'h2load.request');
  const logPath = path.join(dir, 'h2load.log');
  const [exchange] = exchangesOf(cell.workload);
  writeFileSync(requestPath, exchange?.request ?? '');
  rmSync(logPath, { force: true }); // h2load appends
  const headers = ['content-type: application/grpc', 'te: trailers', 'grpc-timeout: 119999m'];
  await run('h2load', [
    ...[
      '-n',
      String(Math.max(calls, cell.inFlight)),
      '-c',
      '1',
      '-m',
      String(cell.inFlight),
      '-B',
      `unix:${socket}`,
    ],
    ...['-d', requestPath, '--log-file', logPath],
    ...headers.flatMap((header) => ['-H', header]),
    `http://localhost${cell.workload.path}`,
  ]);
  const times = readFileSync(logPath, 'latin1')
    .trim()
    .split('\n')
    .map((line) => Number(line.split('\t')[2]));
  return quantile(Float64Array.from(times).sort(), 0.5);
}
