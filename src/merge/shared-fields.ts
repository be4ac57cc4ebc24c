// What several messages say alike: the fields that all of them have with the same bytes. So a flag stays only where all
// set it, and a field that is newer than Switchyard is treated as all others are: it goes on where everybody agrees, and
// is never claimed for somebody who does not say it.
import { field, readField } from '../cri/wire-field.ts';

/**
 * The top-level fields that are the same in all messages, but for those in `except`; nothing when a message is undefined
 * or there is none. Throws MalformedMessageError.
 */
export function sharedFields(
  messages: readonly (Uint8Array | undefined)[],
  except: readonly number[] = [],
): Uint8Array[] {
  const [first, ...others] = messages.map((message) => fieldsOf(message));
  if (first === undefined) return [];
  return [...first]
    .filter(([number, bytes]) => {
      if (except.includes(number)) return false;
      return others.every((fields) => fields.get(number)?.equals(bytes) === true);
    })
    .map(([, bytes]) => bytes);
}

/** All records of each field, one after the other. */
function fieldsOf(message: Uint8Array = NOTHING): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let at = 0; at < message.length; ) {
    const start = at;
    at = readField(message, at, message.length);
    const { number } = field;
    fields.set(number, Buffer.concat([fields.get(number) ?? NOTHING, message.subarray(start, at)]));
  }
  return fields;
}

const NOTHING = new Uint8Array(0);
