// What a journal is opened with.
import type { Clock } from '../clock.ts';

/** Where it is kept, and who hears of its troubles. */
export interface JournalOptions {
  readonly file: string;
  readonly clock: Clock;
  /** The file is not made smaller below this size. Default 4 MiB. */
  readonly smallBytes?: number;
  /** Makes sure that the directory is this process's alone, also when it was made anew; rejects when another has it. */
  readonly claim?: () => Promise<void>;
  /** The disk fails; reported once until it works again. Calls are not affected. */
  onTrouble(reason: string): void;
  /** The disk works again, and the file holds everything. */
  onRecovered(): void;
  /** What was in the file's place while Switchyard ran, and was kept or deleted, as a sentence without a full stop. */
  onRemark(remark: string): void;
}
