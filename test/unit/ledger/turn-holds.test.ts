import { describe, expect, it } from 'vitest';
import { HOLD_MS, MOST_HOLD_MS, TurnHolds } from '../../../src/ledger/turn-holds.ts';

const LATER_MS = 600_000;

describe('TurnHolds', () => {
  it('doubles the time of a pod with each refusal, up to half a minute, and gives it precedence', () => {
    const holds = new TurnHolds();
    const spans = Array.from({ length: 6 }, (_, at) => {
      if (at > 0) holds.noteRefusal('pod', at);
      return [holds.holdMsOf('pod', at), holds.rankOf('pod', at)];
    });
    expect(spans).toEqual([
      [HOLD_MS, 0],
      [4_000, 1],
      [8_000, 2],
      [16_000, 3],
      [MOST_HOLD_MS, 4],
      [MOST_HOLD_MS, 5],
    ]);
    expect([holds.holdMsOf('another', 6), holds.rankOf('another', 6)]).toEqual([HOLD_MS, 0]);
  });

  it('halves it with each turn in which no container came, refused or not, and takes the precedence', () => {
    const holds = new TurnHolds();
    holds.noteRefusal('pod', 0);
    const spans = Array.from({ length: 7 }, () => {
      holds.noteLapse('pod', 0);
      return holds.holdMsOf('pod', 0);
    });
    expect(spans).toEqual([1_000, 500, 250, 125, 62.5, 50, 50]);
    expect(holds.rankOf('pod', 0)).toBe(0);
  });

  it('gives back to one whose container comes late what its refusals have earned', () => {
    const holds = new TurnHolds();
    holds.noteRefusal('slow', 0);
    holds.noteLapse('slow', 1);
    holds.noteCreation('slow');
    holds.noteRefusal('slow', 2);
    expect([holds.holdMsOf('slow', 3), holds.rankOf('slow', 3)]).toEqual([8_000, 2]);
  });

  it('forgets refusals with a success, and all with time', () => {
    const holds = new TurnHolds();
    holds.noteRefusal('pod', 0);
    holds.noteSuccess('pod');
    expect(holds.holdMsOf('pod', 0)).toBe(HOLD_MS);
    holds.noteRefusal('refused', 0);
    holds.noteLapse('late', 0);
    expect([holds.holdMsOf('refused', LATER_MS), holds.holdMsOf('late', LATER_MS)]).toEqual([
      HOLD_MS,
      HOLD_MS,
    ]);
  });

  it('forgets no refused pod for the sake of any number that never create anything', () => {
    const holds = new TurnHolds();
    holds.noteRefusal('refused', 0);
    for (let number = 0; number < 5_000; number++) holds.noteLapse(`never ${number}`, 1);
    expect(holds.rankOf('refused', 2)).toBe(1);
  });
});
