import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Journal } from '../../../src/ledger/journal.ts';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import {
  encodeHeader,
  encodeRecord,
  HEAD_BYTES,
  HEADER_BYTES,
  type JournalEntry,
} from '../../../src/ledger/journal-format.ts';
import type { JournalOptions } from '../../../src/ledger/journal-options.ts';
import { asidePath } from '../../../src/ledger/journal-place.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { formatOneFile } from '../../support/journal-format-one.ts';
import { liveEntries, mapEntry, mapOf } from '../../support/journal-map.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

function optionsOf(file: string, more: Partial<JournalOptions> = {}): JournalOptions {
  return {
    file,
    clock: new FakeClock(),
    onTrouble: (reason) => expect.fail(reason),
    onRecovered: () => expect.fail('there was no trouble'),
    onRemark: (remark) => expect.fail(remark),
    ...more,
  };
}

/** Opens the file and adds a map to it; to one that is damaged it is all that there is. */
async function write(file: string, map: ReadonlyMap<string, string>): Promise<void> {
  const { journal } = Journal.open(optionsOf(file));
  journal.attach(() => []);
  for (const entry of liveEntries(map)) journal.append(entry);
  await journal.close();
}

function read(file: string) {
  const { reading } = Journal.open(optionsOf(file));
  return { map: mapOf(reading.entries), reading };
}

/** The record that comes next in a file. */
function recordFor(bytes: Buffer, entry: JournalEntry): Buffer {
  const content = decodeJournal(bytes);
  const key = content.kind === 'journal' ? content.key : undefined;
  return Buffer.concat(encodeRecord(entry, key ?? expect.fail('the file is not whole'), bytes.length));
}

/** Names of the copies of damaged files, oldest first. */
function copiesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith('journal.damaged-'))
    .sort();
}

/** A socket that a process has left behind. */
function leaveSocket(file: string): void {
  const script = "require('node:net').createServer().listen(process.argv[1], () => process.exit())";
  execFileSync(process.execPath, ['-e', script, file]);
}

function linkToFifo(file: string): void {
  execFileSync('mkfifo', [`${file}-fifo`]);
  symlinkSync(`${file}-fifo`, file);
}

function linkToItself(file: string): void {
  renameSync(file, `${file}-itself`);
  symlinkSync(`${file}-itself`, file);
}

function putDirectory(file: string): void {
  rmSync(file);
  mkdirSync(`${file}/precious`, { recursive: true });
}

function putOther(file: string): void {
  copyFileSync(file, `${file}-other`);
  renameSync(`${file}-other`, file);
}

function makeFile(file: string, mode: number): void {
  writeFileSync(file, encodeHeader(1));
  chmodSync(file, mode);
}

function makeLong(file: string): void {
  makeFile(file, 0o600);
  truncateSync(file, 1_000_000_000_000);
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
    const { map, reading } = read(file);
    expect(map).toEqual(new Map([...TWO, ['b', '3']]));
    expect(reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes nothing before it is attached, and then all', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const { journal } = Journal.open(optionsOf(file));
    journal.append(mapEntry('a', '1'));
    journal.flush();
    await nextTurn();
    expect(existsSync(file)).toBe(false);
    journal.attach(() => []);
    expect(read(file).map).toEqual(new Map([['a', '1']]));
    await journal.close();
  });

  it('writes the entries of one turn together at its end, or at once when it is flushed', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const { journal } = Journal.open(optionsOf(file));
    journal.attach(() => []);
    const emptyBytes = statSync(file).size;
    for (let n = 0; n < 5_000; n++) journal.append(mapEntry(`${n}`, 'x'));
    expect(statSync(file).size).toBe(emptyBytes);
    await nextTurn();
    expect(read(file).map.size).toBe(5_000);
    journal.append(mapEntry('last', 'x'));
    journal.flush();
    expect(mapOf(Journal.open(optionsOf(file)).reading.entries).has('last')).toBe(true);
    expect(statSync(file).size).toBe(journal.fileBytes);
    await journal.close();
  });

  it('cuts off a record that was not written whole, keeps those before, and a copy of the file', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    const next = recordFor(readFileSync(file), mapEntry('c', '3'));
    await appendFile(file, next.subarray(0, -1));
    const bytes = readFileSync(file);
    const { map, reading } = read(file);
    expect(map).toEqual(TWO);
    expect(reading.lacks).toBe('nothing');
    const [copy = ''] = copiesIn(dir.path);
    expect(reading.remarks).toEqual([
      `the last record of ${file} was not written whole; its ${next.length - 1} bytes are cut off; the whole file is kept as ${dir.file(copy)}`,
    ]);
    await write(file, new Map([...TWO, ['c', '3']]));
    expect(read(file)).toMatchObject({ map: { size: 3 }, reading: { remarks: [] } });
    expect(readFileSync(dir.file(copy))).toEqual(bytes);
  });

  it.each([
    ['a length', 0],
    ['a type', 4],
    ['a payload', HEAD_BYTES + 3],
  ])('reads on behind a flipped bit in %s, and says what it means', async (_, offset) => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    const bytes = readFileSync(file);
    const at = HEADER_BYTES + offset;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 4, at);
    await writeFile(file, bytes);
    const { journal, reading } = Journal.open(optionsOf(file));
    expect(mapOf(reading.entries)).toEqual(new Map([['b', '2']]));
    expect(reading.lacks).toBe('records');
    const [copy = ''] = copiesIn(dir.path);
    expect(reading.remarks).toEqual([
      `${file} is damaged at byte ${HEADER_BYTES}; the whole file is kept as ${dir.file(copy)}`,
      `entries of ${file} are lost`,
    ]);
    expect(readFileSync(dir.file(copy))).toEqual(bytes);
    // From the first moment on there is a new file, with what is known now.
    journal.attach(() => liveEntries(TWO));
    expect(read(file)).toMatchObject({ map: TWO, reading: { lacks: 'nothing', remarks: [] } });
    await journal.close();
    expect(readFileSync(dir.file(copy))).toEqual(bytes);
  });

  it('knows that a file lacks its end, also when it was cut off between two records', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    const bytes = readFileSync(file);
    const last = recordFor(bytes, mapEntry('b', '2'));
    await writeFile(file, bytes.subarray(0, -last.length));
    const { map, reading } = read(file);
    expect(map).toEqual(new Map([['a', '1']]));
    expect(reading).toMatchObject({
      lacks: 'end',
      remarks: [`${file} lacks its last entries, as after a power cut`],
    });
  });

  it('keeps the newest five copies of damaged files, and no second one of the same file', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const clock = new FakeClock();
    for (let n = 0; n < 8; n++) {
      await write(file, new Map([['n', `${n}`]]));
      await appendFile(file, `damage ${n}`);
      for (const again of [1, 2]) {
        clock.advance(again);
        Journal.open(optionsOf(file, { clock }));
      }
    }
    const copies = copiesIn(dir.path).map((name) => readFileSync(dir.file(name)).toString().slice(-8));
    expect(copies).toEqual(['damage 3', 'damage 4', 'damage 5', 'damage 6', 'damage 7']);
  });

  it('keeps the newest five files that could not be read, says which it deletes, and deletes nothing else', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const clock = new FakeClock();
    // What looks like the oldest of them, but is no plain file, or not named so by Switchyard.
    const others = [
      'journal.unreadable-2000-01-01T00-00-00-000Z',
      'journal.unreadable-mine',
      'journal.unreadableZ',
    ];
    await mkdir(dir.file(`${others[0]}/precious`), { recursive: true });
    for (const name of others.slice(1)) await writeFile(dir.file(name), '');
    const remarks: string[] = [];
    const asides: string[] = [];
    for (let n = 0; n < 8; n++) {
      clock.advance(1);
      asides.push(asidePath(file, 'unreadable', clock.wallMs()));
      await writeFile(file, `notes ${n}`);
      remarks.push(...Journal.open(optionsOf(file, { clock })).reading.remarks.slice(1));
    }
    expect(remarks).toEqual(
      asides.slice(0, 3).map((each) => `${each} is deleted: of such files the newest 5 are kept`),
    );
    const kept = asides.slice(3).map((each) => path.basename(each));
    expect(readdirSync(dir.path).sort()).toEqual([...kept, ...others].sort());
    expect(readFileSync(asides.at(-1) ?? '').toString()).toBe('notes 7');
  });

  it('carries over what a Switchyard wrote in the format before', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await writeFile(file, formatOneFile([...liveEntries(TWO)]));
    const { journal, reading } = Journal.open(optionsOf(file));
    expect(mapOf(reading.entries)).toEqual(TWO);
    expect(reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    journal.append(mapEntry('c', '3'));
    journal.attach(() => liveEntries(TWO));
    journal.append(mapEntry('d', '4'));
    journal.flush();
    expect(read(file).map).toEqual(new Map([...TWO, ['c', '3'], ['d', '4']]));
    expect(decodeJournal(readFileSync(file))).toMatchObject({ shape: 'clean', key: expect.any(Number) });
    await journal.close();
    expect(readdirSync(dir.path).sort()).toEqual(['journal', 'journal.begun']);
  });

  it('is for its owner alone, also when it was not before', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    chmodSync(file, 0o644);
    const { journal } = Journal.open(optionsOf(file));
    journal.attach(() => []);
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    await journal.close();
  });

  it.each([
    ['a named pipe', (file: string) => execFileSync('mkfifo', [file]), 'it is a named pipe'],
    ['a socket', leaveSocket, 'it is a socket'],
    ['a link to a named pipe', linkToFifo, 'it is a symbolic link'],
    ['a link to a device', (file: string) => symlinkSync('/dev/zero', file), 'it is a symbolic link'],
    ['a link to nothing', (file: string) => symlinkSync('/nowhere', file), 'it is a symbolic link'],
    ['a directory', (file: string) => mkdirSync(file), 'it is a directory'],
    [
      'a file that others may write to',
      (file: string) => makeFile(file, 0o666),
      'others may write to it (mode 0666)',
    ],
    ['a file longer than memory', (file: string) => makeLong(file), 'it has 1000000000000 bytes'],
  ])('moves %s aside without a wait, and says why and what to do', async (_, make, why) => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await make(file);
    const { journal, reading } = Journal.open(optionsOf(file));
    const aside = readdirSync(dir.path).find((name) => name.startsWith('journal.unreadable-')) ?? '';
    expect(reading.remarks).toEqual([expect.stringContaining(`${file} is not used, for ${why}`)]);
    const advice = `look at it or delete it, but do not put it back`;
    expect(reading.remarks[0]).toContain(`; it is now ${dir.file(aside)}: ${advice}`);
    journal.append(mapEntry('a', '1'));
    journal.attach(() => []);
    await journal.close();
    expect(read(file).map).toEqual(new Map([['a', '1']]));
  });

  it('moves a device aside, which may never end, and does not open it', async (context) => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    try {
      execFileSync('mknod', [file, 'c', '1', '5'], { stdio: 'pipe' });
    } catch (error) {
      return context.skip(`no device can be made here: ${error}`);
    }
    expect(read(file).reading.remarks).toEqual([
      expect.stringContaining(`${file} is not used, for it is a device`),
    ]);
  });

  it('does not use a file of another user', async (context) => {
    if (process.geteuid?.() !== 0) return context.skip('only root can give a file to another user');
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    chownSync(file, 12_345, 0);
    const { reading } = read(file);
    expect(reading).toMatchObject({ entries: [], lacks: 'records' });
    expect(reading.remarks).toEqual([
      expect.stringMatching(
        /for it belongs to uid 12345, .* and not to uid 0; .* it is now .* do not put it back/,
      ),
    ]);
  });

  it('writes through no link that lies where the new file is to be', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await writeFile(dir.file('precious'), 'precious');
    for (const compact of [false, true]) {
      const { journal } = Journal.open(optionsOf(file));
      if (compact) journal.attach(() => []);
      symlinkSync(dir.file('precious'), `${file}.new`);
      if (compact) await journal.compact();
      else journal.attach(() => []);
      await journal.close();
      expect(readdirSync(dir.path).sort()).toEqual(['journal', 'journal.begun', 'precious']);
    }
    expect(readFileSync(dir.file('precious')).toString()).toBe('precious');
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
    const { journal, reading } = Journal.open(optionsOf(file));
    expect(reading).toMatchObject({ entries: [], lacks: 'records' });
    const aside = readdirSync(dir.path).find((name) => name.startsWith('journal.unreadable-')) ?? '';
    expect(readFileSync(dir.file(aside))).toEqual(bytes);
    expect(reading.remarks.join()).toContain(`it is now ${dir.file(aside)}`);
    journal.attach(() => []);
    journal.append(mapEntry('a', '1'));
    await journal.close();
    expect(read(file).map).toEqual(new Map([['a', '1']]));
  });

  it.each([
    ['could not be read', 'unreadable' as const, (_: Buffer) => Buffer.from('# my notes, do not touch\n')],
    ['is damaged', 'damaged' as const, (bytes: Buffer) => bytes.fill(0xee, HEADER_BYTES + HEAD_BYTES)],
  ])(
    'never writes over a file that %s and that it could not keep: that waits until it can',
    async (_, why, spoil) => {
      await using dir = await tempDir();
      const file = dir.file('journal');
      await write(file, TWO);
      const bytes = spoil(readFileSync(file));
      await writeFile(file, bytes);
      const clock = new FakeClock();
      // What lies where it would be kept, in this moment.
      mkdirSync(path.join(asidePath(file, why, clock.wallMs()), 'precious'), { recursive: true });
      const said: string[] = [];
      const { journal, reading } = Journal.open(
        optionsOf(file, {
          clock,
          onTrouble: (reason) => said.push(reason),
          onRecovered: () => said.push('recovered'),
          onRemark: (remark) => said.push(remark),
        }),
      );
      expect(reading.isInTheWay).toBe(true);
      journal.attach(() => liveEntries(TWO));
      journal.append(mapEntry('a', '1'));
      journal.flush();
      expect(said).toEqual([`the journal ${file} cannot be written: ${reading.remarks.join('; ')}`]);
      expect(readFileSync(file)).toEqual(bytes);

      clock.advance(5_000);
      await until(() => said.includes('recovered'), 'it is written');
      expect(said[1]).toContain(`what was in the place of ${file} is now `);
      expect(readFileSync(asidePath(file, 'unreadable', clock.wallMs()))).toEqual(bytes);
      await journal.close();
      expect(read(file).map).toEqual(TWO);
    },
  );

  it('moves a directory in its place aside', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await mkdir(path.join(file, 'precious'), { recursive: true });
    await write(file, TWO);
    expect(read(file).map).toEqual(TWO);
    expect(readdirSync(dir.path).filter((name) => name.includes('unreadable'))).toHaveLength(1);
  });

  it('takes an empty file, and one that is cut off within its header, for one that has lost everything', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    for (const begun of ['', 'SWYDJ']) {
      await writeFile(file, begun);
      expect(read(file).reading).toMatchObject({
        lacks: 'records',
        remarks: [`${file} is cut off within its header: nothing is left of it`],
      });
      await write(file, TWO);
      expect(read(file).map).toEqual(TWO);
    }
  });

  it('becomes small again by itself when most of it is history', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map<string, string>();
    const { journal } = Journal.open(optionsOf(file, { smallBytes: 10_000 }));
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
    expect(read(file).map).toEqual(map);
    expect(readdirSync(dir.path).sort()).toEqual(['journal', 'journal.begun']);
  });

  it('waits with the next compaction until the file is twice as large as what lives', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const map = new Map([['big', 'x'.repeat(50_000)]]);
    let compactions = 0;
    const { journal } = Journal.open(optionsOf(file, { smallBytes: 1_000 }));
    journal.attach(() => {
      compactions++;
      return liveEntries(map);
    });
    expect(compactions).toBe(1);
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
    const { journal } = Journal.open(optionsOf(file));
    journal.attach(() => liveEntries(map));
    expect(existsSync(`${file}.new`)).toBe(false);
    const compaction = journal.compact();
    while (!existsSync(`${file}.new`)) await nextTurn();
    map.set('late', '1');
    journal.append(mapEntry('late', '1'));
    await journal.close();
    await compaction;
    expect(readdirSync(dir.path).sort()).toEqual(['journal', 'journal.begun']);
    expect(read(file).map).toEqual(map);
  });

  it('tells once of a disk that fails, throws nothing, and holds everything when it works again', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const clock = new FakeClock();
    const map = new Map(TWO);
    // A file where the state directory should be.
    await writeFile(dir.file('state'), '');
    const file = dir.file('state/journal');
    const { journal, reading } = Journal.open(
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
    expect(read(file).map).toEqual(new Map([...map, ['d', '4']]));
  });

  it.each([
    ['its directory', (dir: string) => rm(dir, { recursive: true })],
    ['the file', (dir: string) => rm(path.join(dir, 'journal'))],
  ])('is made anew with all that lives when %s was removed, and says so', async (_, remove) => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    const told: string[] = [];
    const clock = new FakeClock();
    const { journal } = Journal.open({
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
    expect(read(file).map).toEqual(new Map([...TWO, ['c', '3']]));
  });

  it.each([
    ['is cut off', (file: string) => truncateSync(file, HEADER_BYTES), 'it has 40 bytes, of which', false],
    ['gets a long tail', (file: string) => truncateSync(file, 1_000_000), 'it has 1000000 bytes', false],
    ['can be written by others', (file: string) => chmodSync(file, 0o666), 'others may write to it', true],
    ['is a link to itself', linkToItself, 'it is a symbolic link', true],
    ['is a directory', putDirectory, 'it is a directory', true],
    ['is another file', (file: string) => putOther(file), 'it was removed or replaced', true],
  ])(
    'is made anew with all that lives when it %s while it is written, and nothing of others is lost',
    async (_, spoil, why, isKept) => {
      await using dir = await tempDir();
      const file = dir.file('state/journal');
      const said: string[] = [];
      const clock = new FakeClock();
      const { journal } = Journal.open({
        ...optionsOf(file, { clock }),
        onTrouble: (reason) => said.push(reason),
        onRecovered: () => said.push('recovered'),
        onRemark: (remark) => said.push(remark),
      });
      journal.attach(() => liveEntries(TWO));
      spoil(file);
      clock.advance(5_000);
      await until(() => said.includes('recovered'), 'the journal has recovered');
      const kept = readdirSync(path.dirname(file)).filter((name) => name.includes('unreadable'));
      expect(said[0]).toContain(why);
      expect(said.slice(1)).toEqual([
        ...kept.map((name) =>
          expect.stringContaining(`what was in the place of ${file} is now ${path.dirname(file)}/${name}`),
        ),
        'recovered',
      ]);
      expect(kept).toHaveLength(isKept ? 1 : 0);
      journal.append(mapEntry('c', '3'));
      await journal.close();
      expect(read(file)).toMatchObject({
        map: new Map([...TWO, ['c', '3']]),
        reading: { lacks: 'nothing', remarks: [] },
      });
    },
  );

  it.each([
    ['whole', 0],
    ['but for its header', HEADER_BYTES],
    ['at its last record', -1],
  ])('is made anew when it was cut off %s and then written on', async (_, sizeBytes) => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    const said: string[] = [];
    const clock = new FakeClock();
    const map = new Map(TWO);
    const { journal } = Journal.open({
      ...optionsOf(file, { clock }),
      onTrouble: (reason) => said.push(reason),
      onRecovered: () => said.push('recovered'),
    });
    journal.attach(() => liveEntries(map));
    const write = (key: string) => {
      map.set(key, key);
      journal.append(mapEntry(key, key));
      journal.flush();
    };
    write('before');
    clock.advance(5_000);
    // Until the next look is due.
    await nextTurn();
    truncateSync(file, sizeBytes < 0 ? statSync(file).size + sizeBytes : sizeBytes);
    write('after');
    clock.advance(5_000);
    await until(() => said.includes('recovered'), 'the journal has recovered');
    expect(said[0]).toContain('it was cut off or written over while Switchyard ran');
    await journal.close();
    expect(read(file)).toMatchObject({ map, reading: { lacks: 'nothing', remarks: [] } });
  });

  it('goes on without a word behind records that a kill left without the word in the header', async () => {
    await using dir = await tempDir();
    const file = dir.file('journal');
    await write(file, TWO);
    const next = recordFor(readFileSync(file), mapEntry('c', '3'));
    await appendFile(file, next);
    const clock = new FakeClock();
    const { journal, reading } = Journal.open(optionsOf(file, { clock }));
    expect(reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    journal.attach(() => []);
    clock.advance(5_000);
    await journal.close();
    expect(read(file).map.get('c')).toBe('3');
  });

  it('is made anew when it is given to another user while it is written', async (context) => {
    if (process.geteuid?.() !== 0) return context.skip('only root can give a file to another user');
    await using dir = await tempDir();
    const said: string[] = [];
    const clock = new FakeClock();
    const { journal } = Journal.open({
      ...optionsOf(dir.file('journal'), { clock }),
      onTrouble: (reason) => said.push(reason),
      onRecovered: () => said.push('recovered'),
      onRemark: () => {},
    });
    journal.attach(() => liveEntries(TWO));
    chownSync(dir.file('journal'), 12_345, 0);
    clock.advance(5_000);
    await until(() => said.includes('recovered'), 'the journal has recovered');
    expect(said[0]).toContain('it belongs to uid 12345');
    await journal.close();
    expect(read(dir.file('journal')).map).toEqual(TWO);
  });

  it('is closed to others again when they can read it while it is written', async () => {
    await using dir = await tempDir();
    const clock = new FakeClock();
    const { journal } = Journal.open(optionsOf(dir.file('journal'), { clock }));
    journal.attach(() => []);
    chmodSync(dir.file('journal'), 0o644);
    clock.advance(5_000);
    expect(statSync(dir.file('journal')).mode & 0o777).toBe(0o600);
    await journal.close();
  });

  it('is known to be lost when there is none where one was kept before, but not on a new node', async () => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    expect(read(file).reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    await mkdir(dir.file('state'));
    await writeFile(dir.file('state/cri.sock'), '');
    expect(read(file).reading).toMatchObject({ lacks: 'nothing', remarks: [] });
    for (const _start of ['anew', 'behind what is there']) await write(file, TWO);
    await rm(file);
    expect(read(file).reading).toMatchObject({
      entries: [],
      lacks: 'records',
      remarks: [`${file} is missing, though there was a journal before: what was in it is lost`],
    });
    await write(file, TWO);
    expect(read(file)).toMatchObject({ map: TWO, reading: { lacks: 'nothing' } });
  });

  it('writes nothing while another process has the directory', async () => {
    await using dir = await tempDir();
    const file = dir.file('state/journal');
    const told: string[] = [];
    const clock = new FakeClock();
    let owner: string | undefined;
    const { journal } = Journal.open({
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
    expect(read(file).map).toEqual(TWO);
  });
});
