// The ledger against a runtime whose events arrive, arrive late or are lost, and whose lists are compared at any time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventLedger } from '../../../src/events/event-ledger.ts';
import { type PodLists, STAGE, type Stage } from '../../../src/events/pod-lists.ts';

interface Thing {
  readonly id: string;
  /** Of a container. */
  readonly sandbox: Thing | undefined;
  stage: Stage;
}

type Move =
  | { readonly kind: 'sandbox' | 'exit-sandbox' | 'remove-sandbox'; readonly at: number }
  | { readonly kind: 'container' | 'start' | 'exit' | 'remove'; readonly at: number }
  | { readonly kind: 'arrive'; readonly count: number }
  | { readonly kind: 'lose' }
  /** Some pods can't be asked for their state: they are told with a later difference. */
  | { readonly kind: 'compare'; readonly failing: number };

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sandbox' as const), at: fc.constant(0) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'exit-sandbox',
        'remove-sandbox',
        'container',
        'container',
        'start',
        'exit',
        'remove',
      ),
      at: fc.nat(5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('arrive' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('compare' as const), failing: fc.nat(3) }) },
);

/** A runtime, the way of its events, and a client that is told what the ledger lets through. */
class Model {
  readonly ledger = new EventLedger();
  readonly told = new Map<string, Stage[]>();
  readonly everMade: Thing[] = [];
  private alive: Thing[] = [];
  private readonly onTheWay: { readonly thing: Thing; readonly stage: Stage }[] = [];

  run(step: Move): void {
    switch (step.kind) {
      case 'sandbox':
        this.turn(this.make(undefined), STAGE.created, STAGE.started);
        return;
      case 'container': {
        const sandbox = pick(this.sandboxes, step.at);
        if (sandbox?.stage === STAGE.started) this.turn(this.make(sandbox), STAGE.created);
        return;
      }
      case 'start':
        this.turnIf(pick(this.containers, step.at), STAGE.created, STAGE.started);
        return;
      case 'exit':
        this.turnIf(pick(this.containers, step.at), STAGE.started, STAGE.stopped);
        return;
      case 'remove':
        this.remove(pick(this.containers, step.at));
        return;
      case 'exit-sandbox':
        this.stop(pick(this.sandboxes, step.at));
        return;
      case 'remove-sandbox': {
        const sandbox = pick(this.sandboxes, step.at);
        this.stop(sandbox);
        for (const container of this.containers.filter((one) => one.sandbox === sandbox))
          this.remove(container);
        this.remove(sandbox);
        return;
      }
      case 'arrive':
        for (const { thing, stage } of this.onTheWay.splice(0, step.count)) this.arrive(thing, stage);
        return;
      case 'lose':
        this.onTheWay.length = 0;
        return;
      case 'compare':
        this.ledger.difference(this.lists()).forEach((change, nth) => {
          if (step.failing > 0 && nth % 4 === step.failing) return;
          for (const { id, stage } of change.steps) this.note(id, stage);
          this.ledger.commit(change, Buffer.from('status'));
        });
        return;
      default:
        step satisfies never;
    }
  }

  lists(): PodLists {
    return {
      sandboxes: this.sandboxes.map(({ id, stage }) => ({
        ...{ id, stage, uid: `uid-${id}`, createdAtNs: 1 },
        status: () => Buffer.from(id),
      })),
      containers: this.containers.map(({ id, stage, sandbox }) => ({
        id,
        stage,
        sandboxId: sandbox?.id ?? '',
      })),
    };
  }

  private get sandboxes() {
    return this.alive.filter(({ sandbox }) => sandbox === undefined);
  }

  private get containers() {
    return this.alive.filter(({ sandbox }) => sandbox !== undefined);
  }

  private make(sandbox: Thing | undefined): Thing {
    const thing: Thing = {
      id: `${sandbox?.id ?? 's'}-${this.everMade.length}`,
      sandbox,
      stage: STAGE.created,
    };
    this.everMade.push(thing);
    this.alive.push(thing);
    return thing;
  }

  private turnIf(thing: Thing | undefined, from: Stage, to: Stage): void {
    if (thing?.stage === from) this.turn(thing, to);
  }

  private turn(thing: Thing, ...stages: Stage[]): void {
    for (const stage of stages) {
      thing.stage = stage;
      this.onTheWay.push({ thing, stage });
    }
  }

  private stop(sandbox: Thing | undefined): void {
    for (const one of this.containers)
      if (one.sandbox === sandbox) this.turnIf(one, STAGE.started, STAGE.stopped);
    this.turnIf(sandbox, STAGE.started, STAGE.stopped);
  }

  private remove(thing: Thing | undefined): void {
    if (thing === undefined) return;
    this.turnIf(thing, STAGE.started, STAGE.stopped);
    this.turn(thing, STAGE.deleted);
    this.alive = this.alive.filter((one) => one !== thing);
  }

  private arrive(thing: Thing, stage: Stage): void {
    const sandboxId = thing.sandbox?.id ?? thing.id;
    const pod = { sandboxId, uid: `uid-${sandboxId}`, createdAtNs: 1, status: Buffer.from('native') };
    if (this.ledger.take(thing.id, stage, pod)) this.note(thing.id, stage);
  }

  private note(id: string, stage: Stage): void {
    this.told.set(id, [...(this.told.get(id) ?? []), stage]);
  }
}

function pick<T>(from: readonly T[], at: number): T | undefined {
  return from[at % Math.max(1, from.length)];
}

const moves = fc.array(move, { maxLength: 80 });

describe('what clients are told of a backend', () => {
  it('is every stage at most once and in order, and after a last comparison as far as everything is', () => {
    fc.assert(
      fc.property(moves, moves, (before, after) => {
        const model = new Model();
        for (const step of before) if (step.kind !== 'compare' && step.kind !== 'arrive') model.run(step);
        model.run({ kind: 'lose' });
        const base = new Map(model.everMade.map(({ id, stage }) => [id, stage]));
        model.ledger.rebase(model.lists());
        for (const step of after) model.run(step);
        model.run({ kind: 'compare', failing: 0 });
        model.run({ kind: 'arrive', count: Number.POSITIVE_INFINITY });

        for (const { id, stage } of model.everMade) {
          const told = model.told.get(id) ?? [];
          expect(told).toEqual([...new Set(told)].sort());
          const based = base.get(id) ?? -1;
          // Of what came and went between two looks nobody knows.
          const isUnseen = stage === STAGE.deleted && told.length === 0 && based < 0;
          if (!isUnseen) expect(Math.max(based, ...told)).toBe(stage);
        }
        expect(model.ledger.difference(model.lists())).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('is every single stage while no event is lost, and nothing is made from lists', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const model = new Model();
        model.ledger.rebase(model.lists());
        for (const step of steps) {
          if (step.kind === 'lose' || step.kind === 'compare') continue;
          model.run(step);
        }
        model.run({ kind: 'arrive', count: Number.POSITIVE_INFINITY });
        expect(model.ledger.difference(model.lists())).toEqual([]);
        for (const { id, stage } of model.everMade) expect(model.told.get(id)?.at(-1)).toBe(stage);
      }),
    );
  });

  it('is every stage in turn where only lists are compared', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const model = new Model();
        model.ledger.rebase(model.lists());
        for (const step of steps) {
          if (step.kind === 'arrive') continue;
          model.run(step);
        }
        model.run({ kind: 'compare', failing: 0 });
        for (const [, told] of model.told) {
          const whole = [STAGE.created, STAGE.started, STAGE.stopped, STAGE.deleted];
          const neverSeenRunning = [STAGE.created, STAGE.stopped, STAGE.deleted];
          expect([whole.slice(0, told.length), neverSeenRunning.slice(0, told.length)]).toContainEqual(told);
        }
      }),
    );
  });
});
