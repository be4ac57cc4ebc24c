// Ledger, placements and snapshots as they outlive a restart: what an earlier run had on record is put back before the
// first call, and everything learnt from then on is written down.
import path from 'node:path';
import type { Backend } from '../backends/backend.ts';
import type { UnlistedCause } from '../backends/unlisted-hint.ts';
import type { Clock } from '../clock.ts';
import { Checkpoints } from './checkpoints.ts';
import type { NoteName } from './journal-entries.ts';
import { Ledger } from './ledger.ts';
import { type KnownState, LedgerJournal, readBootId } from './ledger-journal.ts';
import type { GoneObject } from './locate.ts';
import { Placements } from './placements.ts';
import { lockState } from './state-lock.ts';

const FILE = 'journal';

export interface RecallOptions {
  readonly stateDir: string;
  readonly backends: readonly Backend[];
  readonly clock: Clock;
  /** The state directory can't be written, or can again; calls go on either way. */
  onTrouble(reason: string): void;
  onRecovered(): void;
  /** Something about the journal, or in the old one, that people should know. */
  onRemark(remark: string): void;
}

/** What is known, and the hand that writes it down. */
export interface Recall {
  readonly ledger: Ledger;
  readonly placements: Placements;
  readonly checkpoints: Checkpoints;
  /** Objects that were removed, or missing from the full list of their backend; the newest last. */
  readonly gone: readonly GoneObject[];
  /** Values of an earlier run by name. */
  readonly notes: ReadonlyMap<NoteName, Buffer>;
  /** Writes a value down under its name. */
  note(name: NoteName, value: Buffer): void;
  /** Hands all that was learnt to the kernel: before a reply that reveals a new id. */
  flush(): void;
  /**
   * Pods that an earlier run may have placed on a backend, pinned until their release is called; and backends that may have
   * pods which nobody knows of, until theirs is.
   */
  readonly unsettled: readonly { readonly backend: Backend; readonly release: () => void }[];
  /** Why there is no list of a backend that has none. */
  unlistedCause(backend: Backend): UnlistedCause;
  /** Why nothing can be written at present; undefined when all is well. */
  readonly trouble: string | undefined;
  /** Size of the journal. */
  readonly sizeBytes: number;
  close(): Promise<void>;
}

/**
 * Reads the journal and puts back what it holds. Without a usable disk it only tells. Rejects with StartError when
 * another process has the state directory.
 */
export async function recall(options: RecallOptions): Promise<Recall> {
  const { backends, stateDir, clock, onTrouble, onRecovered, onRemark } = options;
  let lock = await lockState(stateDir, clock);
  const claim = async () => {
    if (lock.isThere()) return;
    const next = await lockState(stateDir, clock);
    lock.release();
    lock = next;
  };
  for (const remark of lock.remarks) onRemark(remark);
  const byName = new Map(backends.map((backend) => [backend.name, backend]));
  const { ledgerJournal: journal, state } = LedgerJournal.open({
    file: path.join(stateDir, FILE),
    sockets: new Map(backends.map((backend) => [backend.name, backend.config.socket])),
    snapshots: new Map(backends.map((backend) => [backend.name, backend.snapshot])),
    bootId: await readBootId(),
    clock,
    claim,
    onTrouble,
    onRecovered,
    onRemark,
  });
  for (const remark of state.remarks) onRemark(remark);

  const { ledger, placements, checkpoints, unsettled } = putBack(state, byName);
  ledger.watch(journal);
  ledger.watch({ removed: (object, id, backend) => backend.snapshot.statuses.forget(object, id) });
  placements.watch(journal);
  // Those too are written down.
  for (const name of state.doubtful) {
    const backend = byName.get(name);
    if (backend !== undefined) unsettled.push({ backend, release: placements.doubt(backend) });
  }
  checkpoints.watch(journal);
  journal.attach(ledger, checkpoints);

  return {
    ledger,
    placements,
    checkpoints,
    gone: state.gone.flatMap(({ backend: name, ...one }) => {
      const backend = byName.get(name);
      return backend === undefined ? [] : [{ ...one, backend }];
    }),
    notes: state.notes,
    note: (name, value) => journal.note(name, value),
    flush: () => journal.flush(),
    unsettled,
    unlistedCause: (backend) => {
      if (placements.isInDoubt(backend)) return 'journal-lost';
      const count = ledger.count('sandbox', backend) + ledger.count('container', backend);
      return count > 0 ? 'incomplete' : 'never-listed';
    },
    get trouble() {
      return journal.trouble;
    },
    get sizeBytes() {
      return journal.fileBytes;
    },
    close: async () => {
      await journal.close();
      lock.release();
    },
  };
}

/** What is on record of the backends that are in the config. */
function putBack(
  state: KnownState,
  byName: ReadonlyMap<string, Backend>,
): Pick<Recall, 'ledger' | 'placements' | 'checkpoints'> & { unsettled: Recall['unsettled'][number][] } {
  const ledger = new Ledger();
  for (const [id, { backend: name, parent }] of state.sandboxes) {
    const backend = byName.get(name);
    if (backend !== undefined) ledger.addSandbox(id, backend, parent);
  }
  for (const [id, { backend: name, parent }] of state.containers) {
    const backend = byName.get(name);
    if (backend !== undefined) ledger.addContainer(id, backend, parent);
  }
  const placements = new Placements();
  const unsettled: Recall['unsettled'][number][] = [];
  for (const [uid, name] of state.pins) {
    const backend = byName.get(name);
    if (backend !== undefined) unsettled.push({ backend, release: placements.pin(uid, backend) });
  }
  const checkpoints = new Checkpoints();
  for (const [checkpoint, name] of state.checkpoints) {
    const backend = byName.get(name);
    if (backend !== undefined) checkpoints.add(checkpoint, backend);
  }
  return { ledger, placements, checkpoints, unsettled };
}
