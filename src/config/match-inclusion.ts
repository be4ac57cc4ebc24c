// Whether one match holds for every pod that another holds for: how the checks of the config know what earlier rules
// leave over. It may say no where the answer is yes, never the other way round.
import type { MatchConfig } from './config.ts';
import { includesHandler, includesPattern, type Pattern } from './pattern.ts';

/** Whether `wide` holds for every pod that `narrow` holds for. */
export function includesMatch(wide: MatchConfig, narrow: MatchConfig): boolean {
  return (
    includesOneHandler(wide.handler, narrow.handler) &&
    includesNames(wide.namespaces, narrow.namespaces) &&
    includesNames(wide.names, narrow.names) &&
    includesValues(wide.labels, narrow.labels) &&
    includesValues(wide.annotations, narrow.annotations) &&
    FLAGS.every((flag) => wide[flag] === undefined || wide[flag] === narrow[flag])
  );
}

const FLAGS = ['privileged', 'hostNetwork', 'hostPID', 'hostIPC'] as const;

function includesOneHandler(wide: Pattern | undefined, narrow: Pattern | undefined): boolean {
  if (wide === undefined) return true;
  // No handler in the match: every handler fits, and none as well.
  return narrow === undefined
    ? wide.kind === 'glob' && includesPattern(wide, ANY)
    : includesHandler(wide, narrow);
}

const ANY: Pattern = { kind: 'glob', text: '*', parts: ['', ''] };

/** One of the patterns must fit. */
function includesNames(
  wide: readonly Pattern[] | undefined,
  narrow: readonly Pattern[] | undefined,
): boolean {
  if (wide === undefined) return true;
  // Every pod has a name and a namespace.
  return (narrow ?? [ANY]).every((inner) => wide.some((outer) => includesPattern(outer, inner)));
}

/** All of the patterns must fit, each the value of its key. */
function includesValues(wide: ReadonlyMap<string, Pattern>, narrow: ReadonlyMap<string, Pattern>): boolean {
  return [...wide].every(([key, outer]) => {
    const inner = narrow.get(key);
    return inner !== undefined && includesPattern(outer, inner);
  });
}
