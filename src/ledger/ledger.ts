// The ledger: which backend owns which pod sandbox and container, and on which backend a pod (by UID) lives.
// Nothing in it is ever dropped for lack of room; an id leaves when its object is removed or a full list lacks it.
import type { Backend } from '../backends/backend.ts';
import { ObjectTable } from './object-table.ts';

export type ObjectKind = 'sandbox' | 'container';

/** Who owns an id, as far as is known here. */
export type Ownership =
  | { readonly kind: 'owned'; readonly backend: Backend; readonly id: string }
  /** The id is a prefix of several known ids. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'unknown' };

/** Why an object is no longer known: a call or an event says so, or a full list of its backend that lacks it. */
export type Departure = 'removed' | 'unlisted';

/** Called for every change. */
export interface LedgerWatcher {
  /** A new object, or the parent of a known one: the pod's UID of a sandbox, the sandbox of a container. */
  added?(object: ObjectKind, id: string, backend: string, parent: string): void;
  /** Each container that goes with its sandbox has a call of its own. */
  removed(object: ObjectKind, id: string, backend: Backend, why: Departure): void;
}

/** Removed objects to remember, of each kind. */
const REMOVED_LIMIT = 1_000;

const UNKNOWN: Ownership = { kind: 'unknown' };
const AMBIGUOUS: Ownership = { kind: 'ambiguous' };

// Nearly all requests lie in the one buffer that all sockets are read into.
let lastBytes: Uint8Array = new Uint8Array(0);
let lastView: DataView = new DataView(lastBytes.buffer);
function viewOf(bytes: Uint8Array): DataView {
  if (lastBytes !== bytes) {
    lastBytes = bytes;
    lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return lastView;
}

export class Ledger {
  private readonly tables = { sandbox: new ObjectTable(), container: new ObjectTable() };
  /** Objects removed by calls, with the newest full list begun before; oldest first. */
  private readonly removed = { sandbox: new Map<string, number>(), container: new Map<string, number>() };
  private listNumber = 0;
  private readonly watchers: LedgerWatcher[] = [];

  /** From now on `watcher` is called for every change, like those before it. */
  watch(watcher: LedgerWatcher): void {
    this.watchers.push(watcher);
  }

  /** All objects of a kind, the sandboxes of one pod oldest first. May be read while the ledger changes. */
  *objects(
    object: ObjectKind,
  ): Generator<{ readonly id: string; readonly backend: Backend; readonly parent: string }> {
    const table = this.tables[object];
    for (const number of table.numbers()) {
      const id = table.ids.idOf(number);
      const backend = table.ownerOf(number);
      if (id !== undefined && backend !== undefined) yield { id, backend, parent: table.parentOf(number) };
    }
  }

  /** How many objects are known, in all or on one backend. */
  count(object: ObjectKind, backend?: Backend): number {
    return this.tables[object].count(backend);
  }

  /** Looks an id up: exact first, then as the prefix of exactly one id (crictl sends shortened ids). */
  find(object: ObjectKind, id: string): Ownership {
    const table = this.tables[object];
    let found = table.ids.find(id);
    if (found < 0 && id !== '') {
      for (const number of table.ids.extensionsOf(id)) {
        if (found >= 0) return AMBIGUOUS;
        found = number;
      }
    }
    const backend = table.ownerOf(found);
    return backend === undefined ? UNKNOWN : { kind: 'owned', backend, id: table.ids.idOf(found) ?? id };
  }

  /** The owner of exactly this id. The hot path: one look-up. */
  ownerOf(object: ObjectKind, id: string): Backend | undefined {
    const table = this.tables[object];
    return table.ownerOf(table.ids.find(id));
  }

  /** The owner of exactly the id that lies in [start, end) of `bytes`, as far as it can be told without making a string. */
  ownerOfBytes(object: ObjectKind, bytes: Uint8Array, start: number, end: number): Backend | undefined {
    const table = this.tables[object];
    return table.ownerOf(table.ids.findBytes(viewOf(bytes), start, end));
  }

  /** The sandbox of a container; undefined when it is not known. */
  sandboxOf(containerId: string): string | undefined {
    const { container: table } = this.tables;
    const number = table.ids.find(containerId);
    return number < 0 ? undefined : table.parentOf(number);
  }

  /** The backends that hold sandboxes of a pod; in order of their newest sandbox, newest last. */
  backendsOfPod(uid: string): Backend[] {
    const { sandbox: table } = this.tables;
    const backends = new Set<Backend>();
    for (const number of table.childrenOf(uid)) {
      const backend = table.ownerOf(number);
      if (backend === undefined) continue;
      backends.delete(backend);
      backends.add(backend);
    }
    return [...backends];
  }

  /**
   * Records a sandbox. False when another backend owns the id already: that is kept, for two owners of one id mean two
   * endpoints of one runtime.
   */
  addSandbox(id: string, backend: Backend, podUid: string): boolean {
    const { sandbox: table } = this.tables;
    let number = table.ids.find(id);
    const isNew = number < 0;
    if (isNew) number = table.add(id, backend, '', this.listNumber);
    else if (table.ownerOf(number) !== backend) return false;
    const isUidNew = podUid !== '' && table.parentOf(number) === '';
    if (isNew || isUidNew) this.noteAdded('sandbox', id, backend, podUid);
    if (isUidNew) table.setParent(number, podUid);
    return true;
  }

  /** Records a container of a sandbox. False when another backend owns the id already. */
  addContainer(id: string, backend: Backend, sandboxId: string): boolean {
    const { sandbox, container: table } = this.tables;
    const number = table.ids.find(id);
    if (number >= 0) return table.ownerOf(number) === backend;
    // Many containers, one sandbox: they share its string.
    const parent = sandbox.ids.idOf(sandbox.ids.find(sandboxId)) ?? sandboxId;
    table.add(id, backend, parent, this.listNumber);
    this.noteAdded('container', id, backend, parent);
    return true;
  }

  /**
   * A sandbox was removed, and with it its containers. Lists that are on their way may still show them: they do not
   * bring them back.
   */
  removeSandbox(id: string): void {
    this.rememberRemoved('sandbox', id);
    this.dropSandbox(id, 'removed');
  }

  /** A container was removed; as removeSandbox. */
  removeContainer(id: string): void {
    this.rememberRemoved('container', id);
    this.drop(this.tables.container.ids.find(id), 'removed');
  }

  /** Starts the bookkeeping of a full (unfiltered) list; call it before the list is asked for. */
  beginList(): number {
    this.listNumber++;
    return this.listNumber;
  }

  /**
   * A record of a list of `backend` shows an id. `list` is the number of a full list, or 0. Adds the object when it is
   * new, unless it was removed while the list was on its way. False when another backend owns the id.
   */
  see(object: ObjectKind, id: string, backend: Backend, list: number, parent: () => string): boolean {
    const table = this.tables[object];
    const number = table.ids.find(id);
    if (number >= 0) return table.show(number, backend, list);
    if (this.isRemoved(object, id, list)) return true;
    if (object === 'sandbox') this.addSandbox(id, backend, parent());
    else if (!this.isRemoved('sandbox', parent(), list)) this.addContainer(id, backend, parent());
    return true;
  }

  /**
   * As see(), for an id that lies in [start, end) of `view`; makes no string. Undefined when the id is new, or of an
   * unusual form: then see() must be told.
   */
  seeBytes(
    object: ObjectKind,
    view: DataView,
    start: number,
    end: number,
    backend: Backend,
    list: number,
  ): boolean | undefined {
    // A look-up by a name that varies would take as long as all the rest.
    const table = object === 'sandbox' ? this.tables.sandbox : this.tables.container;
    const number = table.ids.findBytes(view, start, end);
    return number < 0 ? undefined : table.show(number, backend, list);
  }

  /**
   * Ends the bookkeeping of a full list of a backend: what was known before the list began and is not in it is gone.
   * What was added after it began is kept.
   */
  endList(object: ObjectKind, backend: Backend, list: number): void {
    const table = this.tables[object];
    for (const number of table.missingFrom(list, backend)) {
      if (object === 'sandbox') this.dropSandbox(table.ids.idOf(number) ?? '', 'unlisted');
      else this.drop(number, 'unlisted');
    }
  }

  /** Whether it was removed after this list began; one whose beginning is not known (0) may be older than any removal. */
  private isRemoved(object: ObjectKind, id: string, list: number): boolean {
    const at = this.removed[object].get(id);
    return at !== undefined && (list === 0 || list <= at);
  }

  private rememberRemoved(object: ObjectKind, id: string): void {
    const removed = this.removed[object];
    removed.set(id, this.listNumber);
    for (const oldest of removed.keys()) {
      if (removed.size <= REMOVED_LIMIT) return;
      removed.delete(oldest);
    }
  }

  private dropSandbox(id: string, why: Departure): void {
    const { sandbox, container } = this.tables;
    const number = sandbox.ids.find(id);
    const backend = sandbox.ownerOf(number);
    if (backend === undefined) return;
    sandbox.remove(number);
    for (const watcher of this.watchers) watcher.removed('sandbox', id, backend, why);
    for (const child of container.childrenOf(id)) this.drop(child, why);
  }

  /** Forgets a container by its number; does nothing for one that is not known. */
  private drop(number: number, why: Departure): void {
    const { container: table } = this.tables;
    const id = table.ids.idOf(number);
    const backend = table.ownerOf(number);
    if (id === undefined || backend === undefined) return;
    table.remove(number);
    for (const watcher of this.watchers) watcher.removed('container', id, backend, why);
  }

  private noteAdded(object: ObjectKind, id: string, backend: Backend, parent: string): void {
    for (const watcher of this.watchers) watcher.added?.(object, id, backend.name, parent);
  }
}
