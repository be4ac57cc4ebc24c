// The ledger: which backend owns which pod sandbox and container, and on which backend a pod (by UID) lives.
// Nothing in it is ever dropped for lack of room; an id leaves when its object is removed or a full list lacks it.
import type { Backend } from '../backends/backend.ts';

export type ObjectKind = 'sandbox' | 'container';

/** Who owns an id, as far as is known here. */
export type Ownership =
  | { readonly kind: 'owned'; readonly backend: Backend; readonly id: string }
  /** The id is a prefix of several known ids. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'unknown' };

interface Entry {
  readonly backend: Backend;
  /** The pod's UID for a sandbox, the sandbox's id for a container. '' when not known. */
  parent: string;
  /** Number of the last full list that showed the object; at first, of the last one begun before it was added. */
  listed: number;
}

const UNKNOWN: Ownership = { kind: 'unknown' };
const AMBIGUOUS: Ownership = { kind: 'ambiguous' };

export class Ledger {
  private readonly entries = {
    sandbox: new Map<string, Entry>(),
    container: new Map<string, Entry>(),
  };
  /** Pod UID to the ids of its sandboxes. */
  private readonly pods = new Map<string, Set<string>>();
  private readonly counts = { sandbox: new Map<Backend, number>(), container: new Map<Backend, number>() };
  private listNumber = 0;

  /** How many objects are known, in all or on one backend. */
  count(object: ObjectKind, backend?: Backend): number {
    return backend === undefined ? this.entries[object].size : (this.counts[object].get(backend) ?? 0);
  }

  /** Looks an id up: exact first, then as the prefix of exactly one id (crictl sends shortened ids). */
  find(object: ObjectKind, id: string): Ownership {
    const exact = this.entries[object].get(id);
    if (exact !== undefined) return { kind: 'owned', backend: exact.backend, id };
    if (id === '') return UNKNOWN;
    let found: Ownership = UNKNOWN;
    for (const [fullId, entry] of this.entries[object]) {
      if (!fullId.startsWith(id)) continue;
      if (found.kind !== 'unknown') return AMBIGUOUS;
      found = { kind: 'owned', backend: entry.backend, id: fullId };
    }
    return found;
  }

  /** The owner of exactly this id. The hot path: one look-up. */
  ownerOf(object: ObjectKind, id: string): Backend | undefined {
    return this.entries[object].get(id)?.backend;
  }

  /** The backends that hold sandboxes of a pod; in order of their newest sandbox, newest last. */
  backendsOfPod(uid: string): Backend[] {
    const backends = new Set<Backend>();
    for (const id of this.pods.get(uid) ?? []) {
      const backend = this.entries.sandbox.get(id)?.backend;
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
    const known = this.entries.sandbox.get(id);
    if (known !== undefined) {
      if (known.backend !== backend) return false;
      if (known.parent === '' && podUid !== '') this.linkPod(id, known, podUid);
      return true;
    }
    const entry: Entry = { backend, parent: '', listed: this.listNumber };
    this.entries.sandbox.set(id, entry);
    this.addToCount('sandbox', backend, 1);
    if (podUid !== '') this.linkPod(id, entry, podUid);
    return true;
  }

  /** Records a container of a sandbox. False when another backend owns the id already. */
  addContainer(id: string, backend: Backend, sandboxId: string): boolean {
    const known = this.entries.container.get(id);
    if (known !== undefined) return known.backend === backend;
    this.entries.container.set(id, { backend, parent: sandboxId, listed: this.listNumber });
    this.addToCount('container', backend, 1);
    return true;
  }

  /** Forgets a sandbox and, as removing a sandbox removes them too, its containers. */
  removeSandbox(id: string): void {
    const entry = this.entries.sandbox.get(id);
    if (entry === undefined) return;
    this.entries.sandbox.delete(id);
    this.addToCount('sandbox', entry.backend, -1);
    const siblings = this.pods.get(entry.parent);
    siblings?.delete(id);
    if (siblings?.size === 0) this.pods.delete(entry.parent);
    for (const [containerId, container] of this.entries.container) {
      if (container.parent === id) this.removeContainer(containerId);
    }
  }

  removeContainer(id: string): void {
    const entry = this.entries.container.get(id);
    if (entry === undefined) return;
    this.entries.container.delete(id);
    this.addToCount('container', entry.backend, -1);
  }

  /** Starts the bookkeeping of a full (unfiltered) list; call it before the list is asked for. */
  beginList(): number {
    this.listNumber++;
    return this.listNumber;
  }

  /** A record of the full list `list` of a backend. False when another backend owns the id. */
  see(object: ObjectKind, id: string, backend: Backend, list: number, parent: () => string): boolean {
    let entry = this.entries[object].get(id);
    if (entry === undefined) {
      if (object === 'sandbox') this.addSandbox(id, backend, parent());
      else this.addContainer(id, backend, parent());
      entry = this.entries[object].get(id);
    }
    if (entry === undefined || entry.backend !== backend) return false;
    if (entry.listed < list) entry.listed = list;
    return true;
  }

  /**
   * Ends the bookkeeping of a full list of a backend that had `seen` records: what was known before the list began
   * and is not in it is gone. What was added after it began is kept.
   */
  endList(object: ObjectKind, backend: Backend, list: number, seen: number): void {
    if (this.count(object, backend) === seen) return;
    for (const [id, entry] of this.entries[object]) {
      if (entry.backend !== backend || entry.listed >= list) continue;
      if (object === 'sandbox') this.removeSandbox(id);
      else this.removeContainer(id);
    }
  }

  private addToCount(object: ObjectKind, backend: Backend, change: number): void {
    this.counts[object].set(backend, this.count(object, backend) + change);
  }

  private linkPod(id: string, entry: Entry, uid: string): void {
    entry.parent = uid;
    const siblings = this.pods.get(uid);
    if (siblings === undefined) this.pods.set(uid, new Set([id]));
    else siblings.add(id);
  }
}
