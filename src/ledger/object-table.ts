// All objects of one kind that the ledger knows: for each id its backend, its parent and when a list last showed it.
// Kept in columns by the id's number, not as an object for each, so that a list of thousands stays within the cache.
import type { Backend } from '../backends/backend.ts';
import { IdIndex } from './id-index.ts';

export class ObjectTable {
  /** The ids; their numbers are what the other methods take. */
  readonly ids = new IdIndex();

  /** By number, as the columns below; undefined where a number is free. */
  private readonly owners: (Backend | undefined)[] = [];
  private readonly parents: string[] = [];
  private readonly listed: number[] = [];
  /** Parent to the numbers of its objects, in the order in which they were added or their parent was learnt. */
  private readonly children = new Map<string, number[]>();
  private readonly counts = new Map<Backend, number>();

  /** How many objects there are, in all or on one backend. */
  count(backend?: Backend): number {
    return backend === undefined ? this.ids.size : (this.counts.get(backend) ?? 0);
  }

  /** The backend of the object with this number; undefined when there is none. */
  ownerOf(number: number): Backend | undefined {
    return number < 0 ? undefined : this.owners[number];
  }

  /** The pod's UID for a sandbox, the sandbox's id for a container. '' when not known. */
  parentOf(number: number): string {
    return this.parents[number] ?? '';
  }

  /** Sets the parent of an object whose parent is not known yet. */
  setParent(number: number, parent: string): void {
    this.parents[number] = parent;
    if (parent === '') return;
    const siblings = this.children.get(parent);
    if (siblings === undefined) this.children.set(parent, [number]);
    else siblings.push(number);
  }

  /** Adds an object that is not here yet; `list` is the newest full list begun before. Returns its number. */
  add(id: string, backend: Backend, parent: string, list: number): number {
    const number = this.ids.add(id);
    this.owners[number] = backend;
    this.setParent(number, parent);
    this.listed[number] = list;
    this.counts.set(backend, this.count(backend) + 1);
    return number;
  }

  /** Takes the object with this number out. */
  remove(number: number): void {
    const backend = this.ownerOf(number);
    if (backend === undefined) return;
    this.ids.delete(number);
    this.owners[number] = undefined;
    this.leaveParent(number);
    this.parents[number] = '';
    this.counts.set(backend, this.count(backend) - 1);
  }

  /** A full list of `backend`, or no full one (0), shows the object. False when it belongs to another backend. */
  show(number: number, backend: Backend, list: number): boolean {
    if (this.owners[number] !== backend) return false;
    if ((this.listed[number] as number) < list) this.listed[number] = list;
    return true;
  }

  /**
   * The objects of a backend that neither this full list nor a later one showed, and that are older than it. The highest
   * number first: numbers that are given up in this order are given again in rising order, which looking up is best at.
   */
  missingFrom(list: number, backend: Backend): number[] {
    const missing: number[] = [];
    const { owners, listed } = this;
    for (let number = owners.length - 1; number >= 0; number--) {
      if (owners[number] === backend && (listed[number] as number) < list) missing.push(number);
    }
    return missing;
  }

  /** The objects with this parent, oldest first. */
  childrenOf(parent: string): number[] {
    return this.children.get(parent)?.slice() ?? [];
  }

  /** All objects, those of one parent oldest first. Others may come and go while this is read. */
  *numbers(): Generator<number> {
    for (const siblings of this.children.values()) yield* siblings.slice();
    for (let number = 0; number < this.owners.length; number++) {
      if (this.owners[number] !== undefined && this.parents[number] === '') yield number;
    }
  }

  private leaveParent(number: number): void {
    const parent = this.parentOf(number);
    const siblings = this.children.get(parent);
    if (siblings === undefined) return;
    siblings.splice(siblings.indexOf(number), 1);
    if (siblings.length === 0) this.children.delete(parent);
  }
}
