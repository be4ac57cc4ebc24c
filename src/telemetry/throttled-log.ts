// A log in which no kind of line comes more often than a few times a second: peers bring many of them about, at their own
// pace, and must not fill the disk. The lines of calls have a throttle of their own (proxy/layers/observe.ts).
import type { Clock } from '../clock.ts';
import type { Logger } from './log.ts';
import { LogThrottle } from './log-throttle.ts';

/** Of one kind. */
const LINES_PER_SECOND = 10;
/** Lines are of one kind when level, text and backend are the same; beyond so many kinds the rest of a level is one. */
const KINDS_AT_MOST = 500;

type Level = 'debug' | 'info' | 'warn' | 'error';

/** The log for all but the lines of calls. */
export function throttledLog(log: Logger, clock: Clock): Logger {
  const throttles = new Map<string, LogThrottle>();
  const throttleFor = (level: Level, line: string, backend: unknown): LogThrottle => {
    const own = JSON.stringify([level, line, backend]);
    const kind = throttles.has(own) || throttles.size < KINDS_AT_MOST ? own : level;
    const known = throttles.get(kind);
    if (known !== undefined) return known;
    const what = kind === level ? {} : { line, ...(backend !== undefined && { backend }) };
    const throttle = new LogThrottle({
      clock,
      linesPerSecond: LINES_PER_SECOND,
      onLeftOut: (count) => log[level]({ ...what, count }, 'more lines of one kind in the same second'),
    });
    throttles.set(kind, throttle);
    return throttle;
  };
  const at = (level: Level) => (fields: object | string, text?: string) => {
    if (!log.isLevelEnabled(level)) return;
    const isText = typeof fields === 'string';
    const line = isText ? fields : (text ?? '');
    const backend = isText ? undefined : (fields as { readonly backend?: unknown }).backend;
    if (throttleFor(level, line, backend).allows()) log[level](isText ? {} : fields, line);
  };
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    isLevelEnabled: (level) => log.isLevelEnabled(level),
  };
}
