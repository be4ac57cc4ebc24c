// The journal on real disks that are full or read-only.
import { readdirSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { Journal } from '../../../src/ledger/journal.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { liveEntries, mapEntry, mapOf } from '../../support/journal-map.ts';
import { type SmallDisk, smallDisk } from '../../support/small-disk.ts';
import { until } from '../../support/until.ts';

const DISK_BYTES = 1024 * 1024;

async function diskOrSkip(context: TestContext): Promise<SmallDisk> {
  const disk = await smallDisk(DISK_BYTES);
  if (typeof disk === 'string') {
    process.stderr.write(`skipped "${context.task.name}": ${disk}\n`);
    return context.skip(disk);
  }
  return disk;
}

async function openOn(file: string) {
  const told: string[] = [];
  const clock = new FakeClock();
  const { journal, reading } = Journal.open({
    file,
    clock,
    onTrouble: (reason) => told.push(reason),
    onRecovered: () => told.push('recovered'),
    onRemark: (remark) => expect.fail(remark),
  });
  return { journal, reading, told, clock };
}

describe('a journal', () => {
  it('survives a full disk: told once, marked as incomplete, whole again when there is room', async (context) => {
    await using disk = await diskOrSkip(context);
    const file = disk.file('journal');
    const map = new Map([['a', '1']]);
    const { journal, told, clock } = await openOn(file);
    journal.attach(() => liveEntries(map));
    journal.append(mapEntry('a', '1'));
    journal.flush();
    disk.fill();
    for (let n = 0; n < 50; n++) {
      map.set(`${n}`, 'x'.repeat(1_000));
      journal.append(mapEntry(`${n}`, map.get(`${n}`)));
      journal.flush();
    }
    expect(told).toEqual([expect.stringMatching(/journal cannot be written: .*(ENOSPC|disk may be full)/)]);
    // Killed now, the next start knows that something is missing, and has what was written before.
    const { reading } = await openOn(file);
    expect(reading.lacks).toBe('records');
    expect(mapOf(reading.entries).get('a')).toBe('1');
    // It is tried again, in vain, and leaves nothing behind.
    clock.advance(5_000);
    await journal.compact();
    expect(told).toHaveLength(1);
    expect(readdirSync(disk.path).sort()).toEqual(['ballast', 'journal', 'journal.begun']);
    await disk.free();
    clock.advance(5_000);
    await until(() => told.length > 1, 'the journal has recovered');
    expect(told[1]).toBe('recovered');
    map.set('b', '2');
    journal.append(mapEntry('b', '2'));
    await journal.close();
    const again = await openOn(file);
    expect(again.reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    expect(mapOf(again.reading.entries)).toEqual(map);
  });

  it('is read from a disk that cannot be written, and written when it can', async (context) => {
    await using disk = await diskOrSkip(context);
    const file = disk.file('journal');
    const map = new Map([['a', '1']]);
    const first = await openOn(file);
    first.journal.attach(() => liveEntries(map));
    first.journal.append(mapEntry('a', '1'));
    await first.journal.close();
    await disk.setWritable(false);
    const { journal, reading, told, clock } = await openOn(file);
    expect(mapOf(reading.entries)).toEqual(map);
    journal.attach(() => liveEntries(map));
    map.set('b', '2');
    journal.append(mapEntry('b', '2'));
    journal.flush();
    expect(told).toEqual([expect.stringContaining('EROFS')]);
    await disk.setWritable(true);
    clock.advance(5_000);
    await until(() => told.length > 1, 'the journal has recovered');
    await journal.close();
    const again = await openOn(file);
    expect(mapOf(again.reading.entries)).toEqual(map);
  });
});
