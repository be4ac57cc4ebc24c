// An answer that is lost on its way: the runtime has made the object, and the client was never told. What it made must
// show in the lists, once, and be used.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { whyNoProgram } from '../support/built-program.ts';
import { CriClient } from '../support/cri-client.ts';
import { skipWhen } from '../support/e2e-requirements.ts';
import { type Direction, SocketPipe } from '../support/socket-pipe.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import { audit } from './audit.ts';
import { CheckedCalls } from './checked-calls.ts';
import { PodWorker } from './pod-worker.ts';
import { type SimulatedStage, simulatedStage } from './stage.ts';

const BACKEND = 'second';
const skipReason = whyNoProgram();
let dir: TempDir;
let stage: SimulatedStage;
/** Between Switchyard and the backend, and between the client and Switchyard. */
let behind: SocketPipe;
let before: SocketPipe;
let cri: CriClient;
let calls: CheckedCalls;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  dir = await tempDir();
  behind = await SocketPipe.open(dir.file('behind.sock'), dir.file(`${BACKEND}.sock`));
  stage = await simulatedStage({
    dir,
    socketSeen: (name, socket) => (name === BACKEND ? dir.file('behind.sock') : socket),
  });
  before = await SocketPipe.open(dir.file('before.sock'), stage.switchyard.socket);
  cri = new CriClient(dir.file('before.sock'));
  calls = new CheckedCalls({ ...stage.load.options, cri });
});

afterAll(async () => {
  cri?.close();
  await before?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
  await behind?.[Symbol.asyncDispose]();
  await dir?.[Symbol.asyncDispose]();
});

/** Does `act` when the id of an object that is not known yet passes through the pipe, and tells what becomes of it. */
async function onNewId(
  pipe: SocketPipe,
  act: () => 'lost' | 'delivered',
): Promise<{ readonly isMet: () => boolean }> {
  const known = new Set(await idsOnBackend());
  let isMet = false;
  pipe.onBytes = (bytes: Buffer, direction: Direction) => {
    if (isMet || direction !== 'from target') return !isMet;
    const ids = bytes.toString('latin1').match(/[0-9a-f]{64}/g) ?? [];
    if (ids.every((id) => known.has(id))) return true;
    isMet = true;
    return act() === 'delivered';
  };
  return { isMet: () => isMet };
}

async function idsOnBackend(): Promise<string[]> {
  const { runtime } = stage.backend(BACKEND);
  const { items } = await runtime.cri.call('ListPodSandbox', {});
  const { containers } = await runtime.cri.call('ListContainers', {});
  return [...items, ...containers].map(({ id }) => id);
}

function letAllPass(): void {
  for (const pipe of [behind, before]) pipe.onBytes = () => true;
}

/** A worker whose pod is up except for the call whose answer is to be lost: the sandbox (0) or the container (1). */
async function workerBefore(lost: 'RunPodSandbox' | 'CreateContainer'): Promise<PodWorker> {
  const backend = stage.load.options.backends.find(({ name }) => name === BACKEND);
  if (backend === undefined) throw new Error('no such backend');
  const worker = new PodWorker(calls, backend);
  if (lost === 'CreateContainer') await worker.runSandbox(0);
  return worker;
}

async function goesOn(worker: PodWorker): Promise<void> {
  await until(() => worker.step('up'), 'the pod is up');
  const { runtime } = stage.backend(BACKEND);
  const { items } = await runtime.cri.call('ListPodSandbox', {});
  expect(items.filter(({ metadata }) => metadata?.uid === worker.uid)).toHaveLength(1);
  const { containers } = await runtime.cri.call('ListContainers', {});
  expect(containers.filter(({ podSandboxId }) => podSandboxId === worker.sandboxId)).toHaveLength(1);
}

describe.each(['RunPodSandbox', 'CreateContainer'] as const)('an answer of %s that is lost', (rpc) => {
  it.each([
    ['it reaches Switchyard', () => behind],
    ['it reaches the client', () => before],
  ] as const)('because Switchyard is killed before %s leaves one object, which is used', async (_, where) => {
    const worker = await workerBefore(rpc);
    const lost = await onNewId(where(), () => {
      process.kill(stage.switchyard.pid, 'SIGKILL');
      return 'lost';
    });
    expect(await worker.step('up')).toBe(false);
    expect(lost.isMet()).toBe(true);
    letAllPass();
    await stage.switchyard.kill();
    await stage.switchyard.startAgain('serving');
    await goesOn(worker);
  });

  it('because the connection to the backend breaks leaves one object, which is used', async () => {
    const worker = await workerBefore(rpc);
    const lost = await onNewId(behind, () => {
      behind.cut();
      return 'lost';
    });
    expect(await worker.step('up')).toBe(false);
    expect(lost.isMet()).toBe(true);
    letAllPass();
    await goesOn(worker);
  });

  it('because the connection to the client breaks leaves one object, which is used', async () => {
    const worker = await workerBefore(rpc);
    const lost = await onNewId(before, () => {
      before.cut();
      return 'lost';
    });
    expect(await worker.step('up')).toBe(false);
    expect(lost.isMet()).toBe(true);
    letAllPass();
    await goesOn(worker);
  });
});

describe('an answer that is given at the very moment at which Switchyard is killed', () => {
  it('is known to the next Switchyard, also when the backend is away by then', async () => {
    const worker = await workerBefore('RunPodSandbox');
    const { runtime } = stage.backend(BACKEND);
    const met = await onNewId(before, () => {
      process.kill(stage.switchyard.pid, 'SIGKILL');
      process.kill(runtime.pid, 'SIGSTOP');
      return 'delivered';
    });
    const sandboxId = await worker.runSandbox(0);
    expect(met.isMet()).toBe(true);
    letAllPass();
    calls.check.down(BACKEND);
    await stage.switchyard.kill();
    await stage.switchyard.startAgain('serving');
    expect((await calls.listSandboxes()).map(({ id }) => id)).toContain(sandboxId);
    calls.check.up(BACKEND);
    runtime.resume();
    await goesOn(worker);
  });
});

describe('after all lost answers', () => {
  it('nothing was answered wrong, and the lists are those of the runtimes', async () => {
    await audit(calls, stage.backends);
    expect(calls.check.wrongs).toEqual([]);
  });
});
