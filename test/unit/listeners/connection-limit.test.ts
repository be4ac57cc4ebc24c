import { describe, expect, it } from 'vitest';
import {
  ConnectionLimit,
  type LimitedConnection,
  type Standing,
} from '../../../src/listeners/connection-limit.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';

class Connection implements LimitedConnection {
  isGone = false;
  standing: Standing;
  readonly lastUse: number;

  constructor(standing: Standing, lastUse = 0) {
    this.standing = standing;
    this.lastUse = lastUse;
  }

  dismiss(): void {
    this.isGone = true;
  }
}

function world(atMost: number) {
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const counts = { open: 0, away: [] as string[] };
  const limit = new ConnectionLimit({
    ...{ listener: 'cri', atMost, clock, log: recorder(lines) },
    counts: {
      connectionOpened: () => counts.open++,
      connectionClosed: () => counts.open--,
      connectionTurnedAway: (listener, reason) => counts.away.push(`${listener} ${reason}`),
    },
  });
  const add = (...connections: Connection[]) => {
    for (const connection of connections) {
      expect(limit.makeRoom()).toBe(true);
      limit.add(connection);
    }
  };
  return { limit, clock, lines, counts, add };
}

describe('a full listener', () => {
  it.each<[string, Connection[], number]>([
    ['one that is closing', [new Connection('silent'), new Connection('busy'), new Connection('silent')], 0],
    [
      'the oldest that never spoke',
      [new Connection('unused'), new Connection('silent'), new Connection('silent')],
      1,
    ],
    [
      'the oldest that never asked',
      [new Connection('idle', 1), new Connection('unused'), new Connection('unused')],
      1,
    ],
    [
      'the one whose unfinished request is oldest, before one that is idle',
      [new Connection('idle', 1), new Connection('unfinished', 3), new Connection('unfinished', 2)],
      2,
    ],
    [
      'the one that was not used for longest',
      [new Connection('idle', 7), new Connection('idle', 5), new Connection('idle', 6)],
      1,
    ],
  ])('closes %s for the next client', (_, connections, expected) => {
    const { limit, add, counts } = world(3);
    add(...connections);
    expect(limit.makeRoom()).toBe(true);
    expect(connections.map(({ isGone }) => isGone)).toEqual([0, 1, 2].map((at) => at === expected));
    expect(counts).toEqual({ open: 2, away: ['cri evicted'] });
  });

  it('refuses the next client when all have something in flight, and takes it when one is gone', () => {
    const { limit, add, counts } = world(2);
    const [one, two] = [new Connection('busy'), new Connection('busy')];
    add(one, two);
    expect(limit.makeRoom()).toBe(false);
    expect([one.isGone, two.isGone]).toEqual([false, false]);
    expect(counts.away).toEqual(['cri refused']);
    limit.delete(one);
    limit.delete(one);
    expect(limit.makeRoom()).toBe(true);
    expect(counts.open).toBe(1);
  });

  it('does not count one that was closing anyway', () => {
    const { limit, add, counts } = world(1);
    const leaving = new Connection('leaving');
    add(leaving);
    expect(limit.makeRoom()).toBe(true);
    expect([leaving.isGone, counts.away]).toEqual([true, []]);
  });

  it('says so at once, and then every ten seconds at most, with what came together', () => {
    const { limit, clock, lines, add } = world(1);
    add(new Connection('busy'));
    for (let i = 0; i < 1_000; i++) limit.makeRoom();
    expect(lines).toMatchObject([
      { level: 'warn', fields: { listener: 'cri', limit: 1, open: 1, refused: 1 } },
    ]);
    clock.advance(10_000);
    limit.makeRoom();
    expect(lines[1]).toMatchObject({ fields: { refused: 1_001, evicted: 0, silent: 0 } });
  });
});

describe('a client that was given time to speak', () => {
  it('is closed when it has not, and stays when it has', () => {
    const { limit, counts, add } = world(2);
    const [mute, talker] = [new Connection('silent'), new Connection('unused')];
    add(mute, talker);
    limit.dismissSilent(mute);
    limit.dismissSilent(talker);
    expect([mute.isGone, talker.isGone]).toEqual([true, false]);
    expect(counts.away).toEqual(['cri silent']);
  });
});
