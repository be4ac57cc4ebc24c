// What is fuzzed: a way to make random inputs, and what must hold for any input at all.
import type { Random } from './random.ts';

export interface FuzzTarget {
  readonly name: string;
  /** An input; the same random numbers make the same. */
  make(random: Random): Buffer;
  /** Throws when something does not hold for this input. Any bytes are an input. */
  check(input: Buffer): void | Promise<void>;
}

/** Throws unless it holds. */
export function must(isTrue: boolean, what: string): asserts isTrue {
  if (!isTrue) throw new Error(what);
}
