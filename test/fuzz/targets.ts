// All that is fuzzed.
import type { FuzzTarget } from './target.ts';
import { frames } from './targets/frames.ts';
import { head } from './targets/head.ts';
import { hpack } from './targets/hpack.ts';
import { journal } from './targets/journal.ts';
import { protobuf } from './targets/protobuf.ts';

export const TARGETS: readonly FuzzTarget[] = [frames, hpack, protobuf, journal, head];
