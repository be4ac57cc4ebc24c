// V8's flags for a process that serves. What they do for memory, and why so, is in docs/decisions/0017-memory.md.
import { setFlagsFromString } from 'node:v8';

/**
 * For the start. V8 doubles the young generation whenever much of it survives, up to 32 MB, which a start and long lists
 * make it do, and which the process has no use for after them: what a call leaves behind is dead by the next scavenge.
 * And it optimizes what a start does often, which is never done again. Not sooner than when the code of serve is loaded:
 * all of that survives, and a small young generation has it copied more often.
 */
export function setFlagsForStart(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-opt');
}

/** For work: calls come, and what they run is worth optimizing. */
export function setFlagsForWork(): void {
  setFlagsFromString('--opt');
}
