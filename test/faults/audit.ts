// The end of a play: no call is under way, and what Switchyard says is held against what the runtimes really have.
import type { CriClient } from '../support/cri-client.ts';
import { until } from '../support/until.ts';
import type { CheckedCalls } from './checked-calls.ts';
import type { RuntimeProcess, StageBackend } from './stage.ts';

type Ids = Readonly<Record<'sandbox' | 'container', readonly string[]>>;

const AGREE_TIMEOUT_MS = 10_000;

/**
 * Adds what is wrong to the check of these calls: objects that were said to be made and are not there, that were
 * said to be removed and are, that nobody made, and lists that are not the runtimes' own, joined.
 */
export async function audit(
  calls: CheckedCalls,
  backends: readonly StageBackend<RuntimeProcess>[],
): Promise<void> {
  const { check } = calls;
  const own = new Map<string, Ids>();
  const agree = async () => {
    for (const { name, runtime } of backends) own.set(name, await idsOf(runtime.cri));
    const shown = await idsOf(calls.options.cri).catch(() => undefined);
    const isSame = (kind: 'sandbox' | 'container') =>
      String(shown?.[kind].toSorted()) === String([...own.values()].flatMap((ids) => ids[kind]).sort());
    return isSame('sandbox') && isSame('container');
  };
  await until(agree, 'the lists are those of the runtimes', AGREE_TIMEOUT_MS).catch(() =>
    check.wrong('the lists are not those of the runtimes, and stay so'),
  );
  // Whatever was made and never told of is known after these.
  await calls.listSandboxes();
  await calls.listContainers();
  for (const { name } of backends) {
    for (const kind of ['sandbox', 'container'] as const) {
      const there = new Set(own.get(name)?.[kind]);
      const { must, may } = check.expected(kind, name);
      for (const id of must) if (!there.has(id)) check.wrong(`${kind} ${id} is not on ${name}`);
      for (const id of there) if (!may.has(id)) check.wrong(`${kind} ${id} is on ${name} and should not be`);
    }
  }
}

async function idsOf(cri: CriClient): Promise<Ids> {
  const [sandboxes, containers] = await Promise.all([
    cri.call('ListPodSandbox', {}, { deadlineMs: 5_000 }),
    cri.call('ListContainers', {}, { deadlineMs: 5_000 }),
  ]);
  return {
    sandbox: sandboxes.items.map(({ id }) => id),
    container: containers.containers.map(({ id }) => id),
  };
}
