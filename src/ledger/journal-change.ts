// A change of a snapshot as fields of the journal.
import { isList } from '../backends/snapshot.ts';
import type { SnapshotChange } from '../backends/snapshot-change.ts';
import { notUnderstood } from './journal-fields.ts';

/** The fields of a change, in the order in which toChange takes them. */
export function changeFields(change: SnapshotChange): (string | Buffer)[] {
  const id = 'id' in change ? change.id : '';
  const sandboxId = 'sandboxId' in change ? change.sandboxId : '';
  const record = 'record' in change ? change.record : '';
  const list = 'list' in change ? change.list : '';
  return [change.kind, id, sandboxId, record, list];
}

/** The change of such fields. Throws MalformedMessageError for one that is not known here. */
export function toChange(
  kind: string,
  id: string,
  sandboxId: string,
  record: Buffer,
  list: string,
): SnapshotChange {
  switch (kind) {
    case 'run-sandbox':
      return { kind, id, record };
    case 'create-container':
      return { kind, id, sandboxId, record };
    case 'start-container':
    case 'stop-container':
    case 'remove-container':
    case 'stop-sandbox':
    case 'remove-sandbox':
      return { kind, id };
    case 'end-all':
      return { kind };
    case 'lose':
      if (isList(list)) return { kind, list };
      throw notUnderstood(`a loss of ${list}`);
    default:
      throw notUnderstood(`a change ${kind}`);
  }
}
