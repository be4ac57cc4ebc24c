// The bench from start to end: starts backends, load client and proxies, runs the rounds, prints the report.
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Child } from './child.ts';
import { DIRECT, findProxies, type Places, type ProxyProgram } from './contenders.ts';
import { crossCheck } from './cross-check.ts';
import { startUntilAccepting, startUntilAnswered } from './first-answer.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { findPeers, type Peers } from './peers.ts';
import { memoryOf } from './process-figures.ts';
import { reportOf } from './report.ts';
import type { ProxyResult, Results } from './results.ts';
import { type Contender, runRounds } from './rounds.ts';
import { CELLS, cellName, isSmall } from './workloads.ts';

/** Idle is measured when a proxy has had this long to come to rest. */
const REST_MS = 500;

interface RunningProxy {
  readonly proxy: ProxyProgram;
  readonly child: Child;
  readonly firstAnswersMs: readonly number[];
}

/** Runs the bench and returns the exit code: 0 when every call was answered as it must be, 2 for wrong usage. */
export async function main(args: readonly string[], programsDir: string): Promise<number> {
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const peers = findPeers(options.peers, programsDir);
  if ('reason' in peers) {
    console.error(`No peers ${options.peers}: ${peers.reason}.`);
    return 1;
  }
  const watchdog = setTimeout(
    () => {
      console.error('The bench has not ended in time: a contender or a peer hangs.');
      process.exit(1);
    },
    (options.seconds * 2 + 120) * 1_000,
  );
  const results = await measure(options, peers, programsDir);
  clearTimeout(watchdog);
  console.log(reportOf(results));
  if (options.jsonPath !== undefined) {
    const mapsAsObjects = (_: string, value: unknown): unknown =>
      value instanceof Map ? Object.fromEntries(value) : value;
    writeFileSync(options.jsonPath, JSON.stringify(results, mapsAsObjects, 1));
  }
  return results.errors.length === 0 ? 0 : 1;
}

async function measure(options: Options, peers: Peers, programsDir: string): Promise<Results> {
  const children: Child[] = [];
  try {
    const backendSockets = ['a', 'b'].map((name) => path.join(programsDir, `${name}.sock`));
    const backends: Child[] = [];
    for (const [index, socket] of backendSockets.entries()) {
      const { child } = await startUntilAccepting(peers.backend(index, socket), socket);
      backends.push(child);
      children.push(child);
    }
    const client = Child.start(peers.client);
    children.push(client);

    const places: Places = { dir: programsDir, backendSockets };
    const { present, absent } = findProxies(places, options);
    const bareNodeMs = await bareNodeStarts(path.join(programsDir, 'bare.sock'), options.starts);
    const errors: string[] = [];
    const running = await startProxies(present, options.starts, errors);
    children.push(...running.map(({ child }) => child));
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const idleBytes = new Map(running.map(({ child }) => [child, memoryOf(child.pid).rssBytes]));
    const scrapedBytes = new Map<Child, number>();
    for (const { proxy, child } of running) {
      if (proxy.adminSocket === undefined) continue;
      await scrape(proxy.adminSocket);
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      scrapedBytes.set(child, memoryOf(child.pid).rssBytes);
    }

    const contenders: Contender[] = [
      {
        name: DIRECT,
        pid: undefined,
        servesLists: true,
        socketsFor: (cell) => (isSmall(cell.workload) ? backendSockets.slice(0, 1) : backendSockets),
      },
      ...running.map(({ proxy, child }) => ({
        name: proxy.name,
        pid: child.pid,
        servesLists: proxy.servesLists,
        socketsFor: () => [proxy.socket],
      })),
    ];
    const cells = CELLS.filter(
      (cell) => options.cells.length === 0 || options.cells.some((text) => cellName(cell).includes(text)),
    );
    const { seconds, sliceMs } = options;
    const onRound = (round: number): void => console.log(round === 0 ? 'warming up' : `round ${round}`);
    const rounds = await runRounds({ cells, contenders, client, backends, sliceMs, seconds, onRound });
    return {
      node: process.versions.node,
      cores: availableParallelism(),
      peers: peers.about,
      proxies: running.map(({ proxy, child, firstAnswersMs }): ProxyResult => {
        const told = rounds.firstRound.get(proxy.name);
        return {
          name: proxy.name,
          about: proxy.about,
          firstAnswersMs,
          idleBytes: idleBytes.get(child) ?? Number.NaN,
          scrapedBytes: scrapedBytes.get(child),
          peakBytes: told?.peakBytes ?? new Map(),
          endPeakBytes: memoryOf(child.pid).peakBytes,
          answersAlone: told?.answersAlone ?? [],
        };
      }),
      absent,
      bareNodeMs,
      cells: rounds.cells,
      crossCheck: options.isCrossChecked
        ? await crossCheck({ dir: programsDir, cells, contenders, client, sliceMs })
        : [],
      errors: [...errors, ...rounds.errors],
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Asks for the metrics once, as soon as they are served: on a node that is watched an idle proxy holds no less. */
async function scrape(socketPath: string): Promise<void> {
  const attempt = () =>
    new Promise<boolean>((resolve) => {
      const request = http.get({ socketPath, path: '/metrics' }, (answer) => {
        answer.resume().on('end', () => resolve(true));
      });
      request.on('error', () => resolve(false));
    });
  while (!(await attempt())) await new Promise((resolve) => setTimeout(resolve, REST_MS));
}

/** Times an empty Node program that only listens: what of a start-up is Node's own. */
async function bareNodeStarts(socket: string, starts: number): Promise<number[]> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(socket)})`;
  const startsMs: number[] = [];
  for (let start = 0; start < starts; start++) {
    const { child, firstAnswerMs } = await startUntilAccepting(
      { program: process.execPath, args: ['-e', script] },
      socket,
    );
    await child.stop();
    startsMs.push(firstAnswerMs);
  }
  return startsMs;
}

/** Starts every proxy `starts` times, in turns, and lets the last one run. One that does not start is an error. */
async function startProxies(
  proxies: readonly ProxyProgram[],
  starts: number,
  errors: string[],
): Promise<RunningProxy[]> {
  const firstAnswers = new Map<ProxyProgram, number[]>(proxies.map((proxy) => [proxy, []]));
  const running: RunningProxy[] = [];
  for (let start = 1; start <= starts; start++) {
    for (const [proxy, firstAnswersMs] of firstAnswers) {
      try {
        const { child, firstAnswerMs } = await startUntilAnswered(proxy.command, proxy.socket);
        firstAnswersMs.push(firstAnswerMs);
        if (start < starts) await child.stop();
        else running.push({ proxy, child, firstAnswersMs });
      } catch (error) {
        errors.push(`${proxy.name}: ${error instanceof Error ? error.message : String(error)}`);
        firstAnswers.delete(proxy);
      }
    }
  }
  return running;
}
