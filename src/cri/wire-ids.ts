// The ids in a list reply, found where they lie. A list of thousands spends its time here, so each record is first walked
// in a loop that knows everyday fields only; one that holds any other is looked at again with care.
import { field, LENGTH_DELIMITED, readField, skipPlain, VARINT } from './wire-field.ts';
import { found, locate, type Path } from './wire-locate.ts';

/** As RecordVisitor, with the place of the record's id: [idStart, idEnd); idStart is -1 when it has none. */
export type IdVisitor = (
  recordStart: number,
  bodyStart: number,
  bodyEnd: number,
  idStart: number,
  idEnd: number,
) => void;

/** Of a tag of one byte: its wire type, and the bit that says that it goes on. */
const TAG_FORM = 0x87;
/** How far the loop looks beyond the tag of a field. */
const LOOK_AHEAD_BYTES = 10;

/**
 * As forEachRecord, with the place of the id in each record: what readString would read at `idPath`.
 * Nothing is allocated, as most ids of a list are known.
 */
export function forEachRecordWithId(
  buf: Uint8Array,
  start: number,
  end: number,
  number: number,
  idPath: Path,
  visit: IdVisitor,
): void {
  for (let at = start; at < end; ) {
    const recordStart = passPlainRecords(buf, at, end, number, idPath, visit);
    if (recordStart === end) return;
    at = readField(buf, recordStart, end);
    if (field.number !== number || field.wireType !== LENGTH_DELIMITED) continue;
    const { bodyStart } = field;
    const hasId = locate(buf, bodyStart, at, idPath, LENGTH_DELIMITED);
    visit(recordStart, bodyStart, at, hasId ? found.start : -1, found.end);
  }
}

/**
 * As forEachRecordWithId, as far as the records are plain and lie whole before `end`: then a list can be read while it
 * comes. Returns where it stopped, for another attempt when there is more, or for forEachRecordWithId. Never throws.
 */
export function passPlainRecords(
  buf: Uint8Array,
  start: number,
  end: number,
  number: number,
  idPath: Path,
  visit: IdVisitor,
): number {
  if (idPath.length > 1) return start;
  const recordTag = number * 8 + LENGTH_DELIMITED;
  const idTag = (idPath[0] as number) * 8 + LENGTH_DELIMITED;
  const quickEnd = end - LOOK_AHEAD_BYTES;
  for (let recordStart = start; ; ) {
    const recordEnd = buf[recordStart] === recordTag ? skipPlain(buf, recordStart, quickEnd) : 0;
    if (recordEnd === 0) return recordStart;
    const bodyStart = recordStart + 2 + ((buf[recordStart + 1] as number) >> 7);
    let idStart = -1;
    let idEnd = -1;
    let at = bodyStart;
    while (at < recordEnd) {
      const tag = buf[at] as number;
      const form = tag & TAG_FORM;
      if (tag < 8) return recordStart; // number 0: not a field
      if (form === LENGTH_DELIMITED) {
        const first = buf[at + 1] as number;
        let valueStart = at + 2;
        at = valueStart + first;
        if (first >= 0x80) {
          const second = buf[valueStart] as number;
          if (second >= 0x80) return recordStart;
          valueStart++;
          at = valueStart + (first & 0x7f) + (second << 7);
        }
        if (tag === idTag) {
          idStart = valueStart;
          idEnd = at;
        }
      } else if (form === VARINT) {
        const stop = at + LOOK_AHEAD_BYTES;
        at++;
        while ((buf[at] as number) >= 0x80 && at < stop) at++;
        if (at++ === stop) return recordStart;
      } else return recordStart;
    }
    if (at !== recordEnd) return recordStart;
    visit(recordStart, bodyStart, recordEnd, idStart, idEnd);
    recordStart = recordEnd;
  }
}
