// When written frames leave: after the input batch that caused them, or once at the end of the event loop's turn
// when no input did. All connections share one list of those that wrote.

/** Something that wrote and has to be flushed. */
export interface Flushable {
  flush(): void;
}

/** Something with work that no peer waits for. */
export interface BehindFlush {
  /** Must not throw: nobody is there to catch it. */
  behindFlush(): void;
}

const dirty: Flushable[] = [];
const behind: BehindFlush[] = [];
let depth = 0;
let isFlushScheduled = false;
let isBehindAtWork = false;

/** Marks the start of an input batch: what is written until endBatch() leaves together. */
export function beginBatch(): void {
  depth++;
}

/** Ends an input batch and flushes every connection that wrote. */
export function endBatch(): void {
  if (--depth > 0) return;
  flushDirty();
  if (behind.length > 0 && !isBehindAtWork) workBehind();
}

/** Has `task` done when the batch is flushed: peers get on with their work meanwhile. At once when there is no batch. */
export function doBehindFlush(task: BehindFlush): void {
  if (depth > 0) behind.push(task);
  else task.behindFlush();
}

/** Has `output` flushed with the batch, or with this turn. */
export function flushLater(output: Flushable): void {
  dirty.push(output);
  if (depth > 0 || isFlushScheduled) return;
  isFlushScheduled = true;
  setImmediate(flushScheduled);
}

// A task may begin a batch of its own, whose tasks come to the end of the list.
function workBehind(): void {
  isBehindAtWork = true;
  try {
    for (let i = 0; i < behind.length; i++) (behind[i] as BehindFlush).behindFlush();
  } finally {
    while (behind.length > 0) behind.pop();
    isBehindAtWork = false;
  }
}

function flushScheduled(): void {
  isFlushScheduled = false;
  flushDirty();
}

function flushDirty(): void {
  // The list may grow while it is worked on.
  for (let i = 0; i < dirty.length; i++) (dirty[i] as Flushable).flush();
  // Not by setting its length: that is a call out of JavaScript, and gives the memory away.
  while (dirty.length > 0) dirty.pop();
}
