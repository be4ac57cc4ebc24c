// A backend, calls on their way to it and back, and lists that begin, are made and arrive at any time in between. The
// snapshot must never lack what lives nor show what was removed, as far as it can know.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { BackendSnapshot } from '../../../src/backends/snapshot.ts';
import type { SnapshotChange, SnapshotList } from '../../../src/backends/snapshot-change.ts';
import type { ListStart } from '../../../src/backends/snapshot-list.ts';
import { containerRecord, sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { forEachRecord, readString, readVarint } from '../../../src/cri/wire.ts';

const EMPTY = new Uint8Array(0);
const STATE_FIELD = { ListPodSandbox: [3], ListContainers: [6] };
const LISTS = ['ListPodSandbox', 'ListContainers'] as const;
type ObjectList = (typeof LISTS)[number];

/** What the backend holds, and what the client was told about it. */
interface Thing {
  readonly list: ObjectList;
  readonly id: string;
  readonly sandbox: Thing | undefined;
  /** In the backend: undefined until it is made. */
  state: number | undefined;
  isGone: boolean;
  /** Answers that passed: it is made; it is removed, or its sandbox is. */
  isKnown: boolean;
  isKnownGone: boolean;
  /** The state it has reached at least, as the answers say. */
  knownState: number;
  /** Removed behind the proxy's back, which only a list can tell. */
  isGoneInSecret: boolean;
  /** A stop was sent: the kubelet does not start it any more. */
  isEnding: boolean;
}

/** A call: done in the backend at one time, answered at a later one. */
interface Flight {
  readonly run: () => boolean;
  readonly change: SnapshotChange;
  readonly learn: () => void;
  /** The sandbox whose object's state it changes. The kubelet makes one such call at a time for a pod. */
  readonly pod: Thing | undefined;
  isDone: boolean;
}

interface ListFlight {
  readonly list: ObjectList;
  readonly start: ListStart;
  message: Buffer | undefined;
  /** Things that were gone in secret when the list began: a list that began later must not show them. */
  readonly goneBefore: ReadonlySet<Thing>;
}

class Model {
  readonly snapshot = new BackendSnapshot();
  private readonly things: Thing[] = [];
  private readonly flights: Flight[] = [];
  private readonly listFlights: ListFlight[] = [];
  private readonly secretsOfBase: Record<ObjectList, ReadonlySet<Thing>> = {
    ListPodSandbox: new Set(),
    ListContainers: new Set(),
  };
  private nowMs = 0;

  step([kind, pick]: [string, number]): void {
    this.nowMs++;
    const of = <T>(items: readonly T[]): T | undefined => items[pick % Math.max(1, items.length)];
    const sandbox = of(this.live('ListPodSandbox'));
    const container = of(this.live('ListContainers'));
    switch (kind) {
      case 'run':
        this.add('ListPodSandbox', undefined);
        return;
      case 'create':
        if (sandbox?.state === 0) this.add('ListContainers', sandbox);
        return;
      case 'start':
        if (container && !container.isEnding) this.send('start-container', container, () => start(container));
        return;
      case 'stop':
        if (container) this.send('stop-container', container, () => move(container, 1, 2));
        return;
      case 'remove':
        if (container) this.send('remove-container', container, () => remove(container));
        return;
      case 'stop-sandbox':
        if (sandbox) this.send('stop-sandbox', sandbox, () => this.stopSandbox(sandbox));
        return;
      case 'remove-sandbox':
        if (sandbox) this.send('remove-sandbox', sandbox, () => this.removeSandbox(sandbox));
        return;
      case 'exit':
        if (container) move(container, 1, 2);
        return;
      case 'vanish':
        if (container) container.isGone = container.isGoneInSecret = true;
        return;
      case 'work': {
        const flight = of(this.flights.filter(({ isDone }) => !isDone));
        if (flight !== undefined) flight.isDone = true;
        if (flight !== undefined && !flight.run()) this.flights.splice(this.flights.indexOf(flight), 1);
        return;
      }
      case 'answer': {
        const flight = of(this.flights.filter(({ isDone }) => isDone));
        if (flight === undefined) return;
        this.flights.splice(this.flights.indexOf(flight), 1);
        this.snapshot.change(flight.change);
        flight.learn();
        return;
      }
      case 'list': {
        const list = LISTS[pick % 2] as ObjectList;
        const goneBefore = new Set(this.things.filter(({ isGoneInSecret }) => isGoneInSecret));
        this.listFlights.push({
          list,
          start: this.snapshot.begin(this.nowMs),
          message: undefined,
          goneBefore,
        });
        return;
      }
      case 'make-list': {
        const flight = of(this.listFlights.filter(({ message }) => message === undefined));
        if (flight !== undefined) flight.message = this.listOf(flight.list);
        return;
      }
      case 'take-list': {
        const flight = of(this.listFlights.filter(({ message }) => message !== undefined));
        if (flight?.message === undefined) return;
        this.listFlights.splice(this.listFlights.indexOf(flight), 1);
        if (this.snapshot.refresh(flight.list, flight.message, flight.start)) {
          this.secretsOfBase[flight.list] = flight.goneBefore;
        }
        return;
      }
    }
  }

  check(): void {
    for (const list of LISTS) {
      const answer = this.snapshot.answer(list, EMPTY);
      assert.equal(answer !== undefined, this.snapshot.has(list));
      if (answer === undefined) continue;
      const shown = statesIn(list, answer);
      for (const thing of this.things.filter((each) => each.list === list)) {
        const { id, isKnown, isKnownGone, isGone, state, knownState } = thing;
        const shownState = shown.get(id);
        const isShown = shownState !== undefined;
        if (isKnown && !isGone) assert(isShown, `${id} lives and is not shown`);
        if (isKnownGone) assert(!isShown, `${id} was removed and is shown`);
        if (state === undefined) assert(!isShown, `${id} was never made and is shown`);
        if (this.secretsOfBase[list].has(thing)) assert(!isShown, `${id} vanished and is shown`);
        if (!isShown) continue;
        if (!isGone) assert(shownState >= knownState, `${id} is in a state that it has left`);
        assert(shownState <= (state ?? -1), `${id} is in a state that it has not reached`);
      }
    }
  }

  private live(list: ObjectList): Thing[] {
    return this.things.filter(
      (thing) => thing.list === list && thing.isKnown && !thing.isKnownGone && !thing.isGone,
    );
  }

  private add(list: ObjectList, sandbox: Thing | undefined): void {
    const id = `${list === 'ListPodSandbox' ? 's' : 'c'}${this.things.length}`;
    const thing: Thing = {
      list,
      id,
      sandbox,
      state: undefined,
      isGone: false,
      isKnown: false,
      isKnownGone: false,
      knownState: 0,
      isGoneInSecret: false,
      isEnding: false,
    };
    this.things.push(thing);
    const record = recordOf(thing);
    const change: SnapshotChange =
      sandbox === undefined
        ? { kind: 'run-sandbox', id, record }
        : { kind: 'create-container', id, sandboxId: sandbox.id, record };
    const run = () => {
      if (sandbox?.isGone) return false;
      thing.state = 0;
      return true;
    };
    const learn = () => {
      thing.isKnown = true;
      // The sandbox went while the answer was on its way.
      if (sandbox?.isKnownGone) thing.isKnownGone = true;
    };
    this.flights.push({ run, change, learn, pod: undefined, isDone: false });
  }

  private send(
    kind: Exclude<SnapshotChange['kind'], 'run-sandbox' | 'create-container' | 'end-all' | 'lose'>,
    target: Thing,
    effect: () => unknown,
  ): void {
    const isOfState = !kind.startsWith('remove');
    const pod = target.sandbox ?? target;
    if (isOfState && this.flights.some((flight) => flight.pod === pod)) return;
    if (kind === 'stop-container' || kind === 'stop-sandbox') {
      for (const thing of [target, ...this.childrenOf(target)]) thing.isEnding = true;
    }
    const run = () => !target.isGone && effect() !== false;
    const learn = () => {
      const all = kind.endsWith('sandbox') ? [target, ...this.childrenOf(target)] : [target];
      for (const thing of all) {
        if (kind.startsWith('remove')) thing.isKnownGone = true;
        else if (thing.isKnown && thing.state !== undefined) {
          // What a call says of a state holds only for those that had one to leave.
          if (kind === 'start-container')
            thing.knownState = Math.max(thing.knownState, Math.min(1, thing.state));
          else if (thing.list === 'ListPodSandbox') thing.knownState = 1;
          else if (thing.knownState === 1) thing.knownState = 2;
        }
      }
    };
    this.flights.push({
      run,
      change: { kind, id: target.id },
      learn,
      pod: isOfState ? pod : undefined,
      isDone: false,
    });
  }

  private stopSandbox(sandbox: Thing): void {
    move(sandbox, 0, 1);
    for (const container of this.childrenOf(sandbox)) move(container, 1, 2);
  }

  private removeSandbox(sandbox: Thing): void {
    remove(sandbox);
    for (const container of this.childrenOf(sandbox)) remove(container);
  }

  private childrenOf(sandbox: Thing): Thing[] {
    return this.things.filter((thing) => thing.sandbox === sandbox);
  }

  private listOf(list: ObjectList): Buffer {
    const there = this.things.filter(
      (thing) => thing.list === list && thing.state !== undefined && !thing.isGone,
    );
    return Buffer.concat(
      there.map((thing) => {
        const snapshot = new BackendSnapshot();
        snapshot.refresh(list, recordOf(thing), snapshot.begin(0));
        if (list === 'ListPodSandbox' && thing.state === 1)
          snapshot.change({ kind: 'stop-sandbox', id: thing.id });
        if (list === 'ListContainers' && (thing.state ?? 0) > 0)
          snapshot.change({ kind: 'start-container', id: thing.id });
        if (list === 'ListContainers' && thing.state === 2)
          snapshot.change({ kind: 'stop-container', id: thing.id });
        return snapshot.answer(list, EMPTY) ?? Buffer.alloc(0);
      }),
    );
  }
}

function recordOf({ id, sandbox }: Thing): Buffer {
  const birth = { id, createdAtMs: 1 };
  return sandbox === undefined ? sandboxRecord(birth, EMPTY, '') : containerRecord(birth, sandbox.id, EMPTY);
}

function move(thing: Thing, from: number, to: number): void {
  if (thing.state === from) thing.state = to;
}

/** False, an error, for one that runs already or whose sandbox is stopped. */
function start(container: Thing): boolean {
  if (container.state !== 0 || container.sandbox?.state !== 0) return false;
  container.state = 1;
  return true;
}

function remove(thing: Thing): void {
  thing.isGone = true;
}

function statesIn(list: SnapshotList & ObjectList, message: Buffer): Map<string, number> {
  const states = new Map<string, number>();
  forEachRecord(message, 0, message.length, 1, (_, start, end) => {
    const id = readString(message, start, end, [1]) ?? '';
    assert(!states.has(id), `${id} is there twice`);
    states.set(id, readVarint(message, start, end, STATE_FIELD[list]) ?? 0);
  });
  return states;
}

const KINDS = [
  ...[
    'run',
    'create',
    'create',
    'start',
    'stop',
    'remove',
    'stop-sandbox',
    'remove-sandbox',
    'exit',
    'vanish',
  ],
  ...['work', 'work', 'work', 'work', 'answer', 'answer', 'answer', 'answer'],
  ...['list', 'list', 'make-list', 'make-list', 'take-list', 'take-list'],
];

describe('a snapshot', () => {
  it('never lacks what lives and never shows what was removed, whatever overtakes what', () => {
    const step = fc.tuple(fc.constantFrom(...KINDS), fc.nat({ max: 1_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const model = new Model();
        for (const each of steps) {
          model.step(each);
          model.check();
        }
      }),
      { numRuns: 1500 },
    );
  });
});
