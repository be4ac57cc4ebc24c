// The journal where there is little memory: what is written must be read at the next start.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../../../src/ledger/journal.ts';
import { longestFileBytes, sizeToCompactAt } from '../../../src/ledger/journal-size.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { liveEntries, mapEntry, mapOf } from '../../support/journal-map.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MEMORY_BYTES = 4 * 1024 * 1024;
const LONGEST_BYTES = MEMORY_BYTES / 2;

function openAt(file: string, clock = new FakeClock()) {
  const said: string[] = [];
  const opened = Journal.open({
    file,
    clock,
    smallBytes: 100_000,
    onTrouble: (reason) => said.push(reason),
    onRecovered: () => said.push('recovered'),
    onRemark: (remark) => expect.fail(remark),
  });
  return { ...opened, said, clock };
}

beforeEach(() => {
  vi.spyOn(process, 'constrainedMemory').mockReturnValue(MEMORY_BYTES);
  return () => vi.restoreAllMocks();
});

describe('the size of a journal', () => {
  it('has one bound for reader and writer, by the memory that there is', () => {
    expect(longestFileBytes()).toBe(LONGEST_BYTES);
    vi.mocked(process.constrainedMemory).mockReturnValue(2 ** 50);
    expect(longestFileBytes()).toBeLessThanOrEqual(512 * 1024 * 1024);
  });

  it.each([0, 0.1, 0.5, 0.7, 0.99])('lets a file that begins with %s of it grow, but not beyond', (share) => {
    const liveBytes = share * LONGEST_BYTES;
    const sizeBytes = sizeToCompactAt(liveBytes, 100_000);
    expect(sizeBytes).toBeGreaterThan(liveBytes);
    expect(sizeBytes).toBeLessThan(LONGEST_BYTES);
  });

  it('stays such that the next start reads it, when most of what may be read lives', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map(Array.from({ length: 14 }, (_, n) => [`${n}`, 'x'.repeat(100_000)]));
    const { journal, said } = openAt(file);
    journal.attach(() => liveEntries(map));
    for (let n = 0; n < 100; n++) {
      map.set('changing', `${n}`.repeat(20_000));
      journal.append(mapEntry('changing', map.get('changing')));
      journal.flush();
      expect(journal.fileBytes).toBeLessThanOrEqual(LONGEST_BYTES);
      await journal.compact();
    }
    for (let n = 0; n < 100; n++) {
      map.set('changing', `${n}`.repeat(2_000));
      journal.append(mapEntry('changing', map.get('changing')));
      for (let turn = 0; turn < 20; turn++) await nextTurn();
    }
    await journal.close();
    const { reading } = openAt(file);
    expect([said, reading.remarks, reading.lacks]).toEqual([[], [], 'nothing']);
    expect(mapOf(reading.entries)).toEqual(map);
  });

  it('is trouble, and known as a gap, when what lives alone is longer, until it is less', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map([['first', '1']]);
    const { journal, said, clock } = openAt(file);
    journal.attach(() => liveEntries(map));
    for (let n = 0; n < 30; n++) {
      map.set(`${n}`, 'x'.repeat(100_000));
      journal.append(mapEntry(`${n}`, map.get(`${n}`)));
      journal.flush();
    }
    await journal.compact();
    expect(said).toEqual([
      expect.stringMatching(
        /cannot be written: .* a start reads no more than 2097152 .*; give Switchyard more/,
      ),
    ]);
    const { reading } = openAt(file);
    expect([reading.lacks, mapOf(reading.entries).get('first')]).toEqual(['records', '1']);
    for (let n = 0; n < 20; n++) map.delete(`${n}`);
    clock.advance(5_000);
    await until(() => said.includes('recovered'), 'the journal has recovered');
    await journal.close();
    expect(mapOf(openAt(file).reading.entries)).toEqual(map);
  });
});
