import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Journal, type JournalOptions } from '../../../src/ledger/journal.ts';
import { decodeJournal } from '../../../src/ledger/journal-format.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { liveEntries, mapEntry, mapOf } from '../../support/journal-map.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

function optionsOf(file: string, more: Partial<JournalOptions> = {}): JournalOptions {
  return {
    file,
    version: 1,
    clock: new FakeClock(),
    onTrouble: (reason) => expect.fail(reason),
    onRecovered: () => expect.fail('there was no trouble'),
    ...more,
  };
}

/** Opens the file and writes a map to it. */
async function write(file: string, map: ReadonlyMap<string, string>): Promise<void> {
  const { journal } = await Journal.open(optionsOf(file));
  journal.attach(() => liveEntries(map));
  for (const entry of liveEntries(map)) journal.append(entry);
  await journal.close();
}

async function read(file: string) {
  const { reading } = await Journal.open(optionsOf(file));
  return { map: mapOf(reading.entries), reading };
}

const TWO = new Map([
  ['a', '1'],
  ['b', '2'],
]);

describe('Journal', () => {
  it('gives back after a restart what was appended, and goes on behind it', async () => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    await write(file, TWO);
    await write(file, new Map([['b', '3']]));
    const { map, reading } = await read(file);
    expect(map).toEqual(new Map([...TWO, ['b', '3']]));
    expect(reading).toMatchObject({ isComplete: true, remarks: [] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes nothing before it is attached, and then all', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const { journal } = await Journal.open(optionsOf(file));
    journal.append(mapEntry('a', '1'));
    journal.flush();
    await nextTurn();
    expect(existsSync(file)).toBe(false);
    journal.attach(() => []);
    expect((await read(file)).map).toEqual(new Map([['a', '1']]));
    await journal.close();
  });

  it('writes the entries of one turn together at its end, or at once when it is flushed', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const { journal } = await Journal.open(optionsOf(file));
    journal.attach(() => []);
    const emptyBytes = statSync(file).size;
    for (let n = 0; n < 5_000; n++) journal.append(mapEntry(`${n}`, 'x'));
    expect(statSync(file).size).toBe(emptyBytes);
    await nextTurn();
    expect((await read(file)).map.size).toBe(5_000);
    journal.append(mapEntry('last', 'x'));
    journal.flush();
    expect(mapOf((await Journal.open(optionsOf(file))).reading.entries).has('last')).toBe(true);
    expect(statSync(file).size).toBe(journal.fileBytes);
    await journal.close();
  });

  it('cuts off a record that was not written whole and keeps those before', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    await appendFile(file, Buffer.from([9, 0, 0, 0, 1, 0x61]));
    const { map, reading } = await read(file);
    expect(map).toEqual(TWO);
    expect(reading.isComplete).toBe(true);
    expect(reading.remarks).toEqual([
      `the last record of ${file} was not written whole; 6 bytes are cut off`,
    ]);
    await write(file, new Map([['c', '3']]));
    expect((await read(file)).map.size).toBe(3);
  });

  it('does not trust what is behind damage, keeps a copy of it, and is whole again after a compaction', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 1, bytes.length - 5);
    await writeFile(file, bytes);
    const { journal, reading } = await Journal.open(optionsOf(file));
    expect(mapOf(reading.entries)).toEqual(new Map([['a', '1']]));
    expect(reading.isComplete).toBe(false);
    expect(reading.remarks.join()).toMatch(
      /is damaged at byte \d+: .* the whole file is kept as .*damaged-20/,
    );
    const copy = readdirSync(dir.path).find((name) => name.includes('damaged')) ?? '';
    expect(readFileSync(dir.file(copy))).toEqual(bytes);
    journal.attach(() => liveEntries(TWO));
    // Killed right now, it would still say that it is not complete.
    expect(decodeJournal(readFileSync(file), 1)).toMatchObject({ isIncomplete: true });
    await journal.compact();
    expect((await read(file)).reading).toMatchObject({ isComplete: true, remarks: [] });
    expect((await read(file)).map).toEqual(TWO);
    await journal.close();
  });

  it.each([
    [
      'a journal of another version',
      Buffer.concat([Buffer.from('SWYDJRNL'), Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])]),
    ],
    ['a file of somebody else', Buffer.from('# my notes, do not touch\n')],
  ])('moves %s aside and begins anew', async (_, bytes) => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await writeFile(file, bytes);
    const { journal, reading } = await Journal.open(optionsOf(file));
    expect(reading.entries).toEqual([]);
    const aside = readdirSync(dir.path).find((name) => name.startsWith('journal.unreadable-')) ?? '';
    expect(readFileSync(dir.file(aside))).toEqual(bytes);
    expect(reading.remarks.join()).toContain(`it is now ${dir.file(aside)}`);
    journal.attach(() => []);
    journal.append(mapEntry('a', '1'));
    await journal.close();
    expect((await read(file)).map).toEqual(new Map([['a', '1']]));
  });

  it('moves a folder in its place aside', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await mkdir(path.join(file, 'precious'), { recursive: true });
    await write(file, TWO);
    expect((await read(file)).map).toEqual(TWO);
    expect(readdirSync(dir.path).filter((name) => name.includes('unreadable'))).toHaveLength(1);
  });

  it('takes an empty file, and one that a kill left with half a header, for a new one', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    for (const begun of ['', 'SWYDJ']) {
      await writeFile(file, begun);
      expect((await read(file)).reading.remarks).toEqual([]);
      await write(file, TWO);
      expect((await read(file)).map).toEqual(TWO);
    }
  });

  it('becomes small again by itself when most of it is history', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map<string, string>();
    const { journal } = await Journal.open(optionsOf(file, { smallBytes: 10_000 }));
    journal.attach(() => liveEntries(map));
    let largestBytes = 0;
    for (let n = 0; n < 3_000; n++) {
      map.set('a', `${n}`.padStart(100));
      journal.append(mapEntry('a', map.get('a')));
      journal.flush();
      largestBytes = Math.max(largestBytes, journal.fileBytes);
      if (n % 20 === 0) await nextTurn();
    }
    await journal.close();
    expect(largestBytes).toBeLessThan(30_000);
    expect((await read(file)).map).toEqual(map);
    expect(readdirSync(dir.path)).toEqual(['journal']);
  });

  it('waits with the next compaction until the file is twice as large as what lives', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map([['big', 'x'.repeat(50_000)]]);
    let compactions = 0;
    const { journal } = await Journal.open(optionsOf(file, { smallBytes: 1_000 }));
    journal.attach(() => {
      compactions++;
      return liveEntries(map);
    });
    await journal.compact();
    for (let n = 0; n < 40; n++) {
      journal.append(mapEntry('a', 'x'.repeat(1_000)));
      journal.flush();
      await nextTurn();
    }
    expect(compactions).toBe(1);
    for (let n = 0; n < 40; n++) {
      journal.append(mapEntry('a', 'x'.repeat(1_000)));
      journal.flush();
      await nextTurn();
    }
    await journal.close();
    expect(compactions).toBe(2);
  });

  it('loses nothing when it is closed in the middle of a compaction, and leaves nothing behind', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map(Array.from({ length: 20 }, (_, n) => [`${n}`, 'x'.repeat(100_000)]));
    await write(file, map);
    await writeFile(`${file}.new`, 'what a killed compaction left');
    const { journal } = await Journal.open(optionsOf(file));
    journal.attach(() => liveEntries(map));
    expect(existsSync(`${file}.new`)).toBe(false);
    const compaction = journal.compact();
    while (!existsSync(`${file}.new`)) await nextTurn();
    map.set('late', '1');
    journal.append(mapEntry('late', '1'));
    await journal.close();
    await compaction;
    expect(readdirSync(dir.path)).toEqual(['journal']);
    expect((await read(file)).map).toEqual(map);
  });

  it('tells once of a disk that fails, throws nothing, and holds everything when it works again', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const clock = new FakeClock();
    const map = new Map(TWO);
    // A file where the state folder should be.
    await writeFile(dir.file('state'), '');
    const file = dir.file('state/journal');
    const { journal, reading } = await Journal.open(
      optionsOf(file, {
        clock,
        onTrouble: (reason) => told.push(reason),
        onRecovered: () => told.push('recovered'),
      }),
    );
    expect(reading.entries).toEqual([]);
    journal.attach(() => liveEntries(map));
    for (const entry of liveEntries(TWO)) journal.append(entry);
    journal.flush();
    clock.advance(4_999);
    await journal.compact();
    expect(told).toEqual([expect.stringContaining(file)]);
    expect(journal.trouble).toBe(told[0]);
    map.set('c', '3');
    journal.append(mapEntry('c', '3'));
    journal.flush();
    await rm(dir.file('state'));
    clock.advance(5_000);
    await until(() => told.length > 1, 'the journal has recovered');
    expect(told[1]).toBe('recovered');
    expect(journal.trouble).toBeUndefined();
    journal.append(mapEntry('d', '4'));
    await journal.close();
    expect((await read(file)).map).toEqual(new Map([...map, ['d', '4']]));
  });

  it.each([
    ['its directory', (dir: string) => rm(dir, { recursive: true })],
    ['the file', (dir: string) => rm(path.join(dir, 'journal'))],
  ])('is made anew with all that lives when %s was removed, and says so', async (_, remove) => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    const told: string[] = [];
    const clock = new FakeClock();
    const { journal } = await Journal.open({
      ...optionsOf(file, { clock }),
      onTrouble: (reason) => told.push(reason),
      onRecovered: () => told.push('recovered'),
    });
    journal.attach(() => liveEntries(TWO));
    await remove(dir.file('state'));
    clock.advance(5_000);
    await until(() => told.includes('recovered'), 'the journal has recovered');
    expect(told).toEqual([expect.stringContaining('it was removed or replaced'), 'recovered']);
    journal.append(mapEntry('c', '3'));
    await journal.close();
    expect((await read(file)).map).toEqual(new Map([...TWO, ['c', '3']]));
  });

  it('writes nothing while another process has the directory', async () => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    const told: string[] = [];
    const clock = new FakeClock();
    let owner: string | undefined;
    const { journal } = await Journal.open({
      ...optionsOf(file, { clock }),
      claim: async () => {
        if (owner !== undefined) throw new Error(owner);
      },
      onTrouble: (reason) => told.push(reason),
      onRecovered: () => told.push('recovered'),
    });
    journal.attach(() => liveEntries(TWO));
    await rm(dir.file('state'), { recursive: true });
    owner = 'another has it';
    clock.advance(5_000);
    await until(() => told.length > 0, 'the trouble is told');
    await journal.compact();
    expect(existsSync(file)).toBe(false);
    owner = undefined;
    clock.advance(5_000);
    await until(() => told.includes('recovered'), 'the journal has recovered');
    await journal.close();
    expect((await read(file)).map).toEqual(TWO);
  });
});
