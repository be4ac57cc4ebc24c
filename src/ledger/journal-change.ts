// A change of a snapshot as fields of the journal.
import { isList } from '../backends/snapshot.ts';
import type { SnapshotChange } from '../backends/snapshot-change.ts';
import { notUnderstood } from './journal-fields.ts';

/** In the field of the list. What an older Switchyard knows is that it has stopped. */
const BY_ITSELF = 'by itself';

/** The fields of a change, in the order in which toChange takes them. */
export function changeFields(change: SnapshotChange): (string | Buffer)[] {
  if (change.kind === 'exit-container') return ['stop-container', change.id, '', '', BY_ITSELF];
  if (change.kind === 'exit-sandbox') return ['stop-sandbox', change.id, '', '', BY_ITSELF];
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
    case 'stop-container':
      return { kind: list === BY_ITSELF ? 'exit-container' : kind, id };
    case 'stop-sandbox':
      return { kind: list === BY_ITSELF ? 'exit-sandbox' : kind, id };
    case 'start-container':
    case 'remove-container':
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
