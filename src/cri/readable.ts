// Reading what a backend listed where one record that is broken must not stop anything but the use of that record.
import { MalformedMessageError } from '../errors.ts';

/** What is read; undefined where it does not parse, which is its backend's affair and not that of whoever asks. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return undefined;
  }
}
