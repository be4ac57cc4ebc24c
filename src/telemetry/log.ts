// The log: one JSON object a line through pino, pretty lines on a terminal. Everything that logs takes a Logger.
// Request and reply bodies, environment values and registry credentials are never given to it.
import { pino } from 'pino';
import type { StatusName } from '../errors.ts';
import { cutText } from '../quote.ts';
import { BOUNDED_LINES } from './log-fields.ts';
import type { LineSink, LogSink } from './log-sink.ts';

/** What the parts of Switchyard may do with the log. */
export type Logger = Record<'debug' | 'info' | 'warn' | 'error', WriteLine> &
  Pick<pino.Logger, 'isLevelEnabled'>;

/** Fields and a text, or a text alone. */
interface WriteLine {
  (fields: object, text?: string): void;
  (text: string): void;
}

/** From most to least; a level shows itself and all that are graver. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
}

/** The fields of the one info line that each state-changing call leaves. */
export interface CallLine {
  readonly method: string;
  /** Name of the backend, or 'several' or 'none' as in the metrics. */
  readonly backend: string;
  /** All their names, where that is 'several' and they are known. */
  readonly backends?: readonly string[];
  readonly rule?: string;
  readonly code: StatusName;
  readonly ms: number;
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** The object the call was about. */
  readonly id?: string;
  /** The image the call was about, as the client named it. */
  readonly image?: string;
  /** Why it failed: the status message that the client got. */
  readonly error?: string;
}

/** Of what names a pod or an object: Kubernetes has 253, and every changing call leaves a line. */
const NAME_BYTES = 256;
/** Of an image: a repository of 255, a tag of 128, a digest of 71. */
const IMAGE_BYTES = 512;

/** What a call is about, as lines of the log show it: cut, and without what is not known. */
export function subjectFields({
  pod,
  id,
  image,
}: {
  readonly [key in 'pod' | 'id' | 'image']: CallLine[key] | undefined;
}): Pick<CallLine, 'pod' | 'id' | 'image'> {
  return {
    ...(pod !== undefined && {
      pod: { namespace: cutName(pod.namespace), name: cutName(pod.name), uid: cutName(pod.uid) },
    }),
    ...(id !== undefined && { id: cutName(id) }),
    ...(image !== undefined && { image: cutText(image, IMAGE_BYTES) }),
  };
}

/** Writes the line of one state-changing call: info, or warn when the code is not OK. */
export function logCall(log: Logger, line: CallLine): void {
  const { pod, id, image } = line;
  const bounded = { ...line, ...subjectFields({ pod, id, image }) };
  if (line.code === 'OK') log.info(bounded, 'call');
  else log.warn(bounded, 'call failed');
}

function cutName(name: string): string {
  return cutText(name, NAME_BYTES);
}

/** Makes the log of a process, whose lines go to `sink`. */
export function createLogger(options: LogOptions, sink: LineSink): Logger {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), ...BOUNDED_LINES.formatters },
    serializers: BOUNDED_LINES.serializers,
    hooks: BOUNDED_LINES.hooks,
  };
  return pino(settings, options.format === 'pretty' ? new PrettySink(sink) : sink);
}

/** Has the log say how many lines it lost, as soon as its sink works again. */
export function reportLostLines(log: Logger, sink: LogSink): void {
  sink.onWorksAgain = ({ lines, sinceMs, reason }) =>
    log.warn({ lines, since: new Date(sinceMs).toISOString(), reason }, 'lines of the log were lost');
}

/**
 * Turns JSON lines into lines for people. pino-pretty is loaded after the first line, because it takes longer to
 * load than Switchyard takes to answer its first call; until then lines wait here.
 */
class PrettySink implements LineSink {
  readonly #sink: LineSink;
  #waiting: string[] | undefined = [];
  #format: (line: string) => string = (line) => line;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  write(line: string): void {
    if (this.#waiting === undefined) {
      this.#sink.write(this.#format(line));
      return;
    }
    if (this.#waiting.length === 0) {
      process.prependOnceListener('exit', this.#flush); // before the sink's own
      void this.#load();
    }
    this.#waiting.push(line);
  }

  async #load(): Promise<void> {
    try {
      // Bundled, a CommonJS package has a default export only.
      const { default: pretty } = await import('pino-pretty');
      const format = pretty.prettyFactory({
        colorize: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
        translateTime: 'SYS:HH:MM:ss.l',
        singleLine: true,
      });
      this.#format = (line) => String(format(line));
    } catch {
      // Without pino-pretty the lines stay JSON: better than no log.
    } finally {
      process.removeListener('exit', this.#flush);
      this.#flush();
    }
  }

  readonly #flush = (): void => {
    const lines = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const line of lines) this.#sink.write(this.#format(line));
  };
}
