// `switchyard serve`: the way that a node takes is short, so that the first call is answered soon. All that looks
// around and shows things is loaded only when asked for.
import { startSwitchyard } from '../../app.ts';
import type { LogConfig } from '../../config/config.ts';
import { createLogger, type LogOptions, reportLostLines } from '../../telemetry/log.ts';
import { LogSink } from '../../telemetry/log-sink.ts';
import { readConfig } from '../config-file.ts';
import { type CliContext, type Output, UsageError } from '../context.ts';
import { setFlagsForStart, setFlagsForWork } from '../engine-flags.ts';
import { answerSignals } from '../signals.ts';
import { StopSignals } from '../stop.ts';
import { SERVE, USAGE } from '../text.ts';

export interface ServeFlags {
  readonly config: string | undefined;
  readonly discover: boolean | undefined;
  readonly once: boolean | undefined;
}

const STDOUT = 1;

/** Serves until a signal asks to stop. */
export async function serve(this: CliContext, flags: ServeFlags): Promise<void> {
  if (flags.config === undefined && flags.discover !== true) throw new UsageError(USAGE.serveNeedsConfig);
  if (flags.config === undefined || flags.discover === true || flags.once === true) {
    const { serveAndLook } = await import('../serve-and-look.ts');
    return serveAndLook(this, flags);
  }
  using stop = new StopSignals(this);
  setFlagsForStart();
  const config = await Promise.race([readConfig(this, flags.config), stop.first]);
  if (config === undefined) return;
  if (typeof config === 'string') {
    this.process.stderr.write(SERVE.stoppedEarly(config));
    return;
  }
  await using sink = new LogSink(STDOUT);
  const log = createLogger(logOptions(config.log, this.process.stdout), sink);
  reportLostLines(log, sink);
  const starting = startSwitchyard({
    config,
    log,
    lostLogLines: () => sink.lostLines,
    onWork: setFlagsForWork,
  });
  const switchyard = await stop.unlessTwice(this, starting);
  if (switchyard === undefined) return;
  answerSignals(this, log, switchyard, ['SIGHUP', 'SIGUSR2']);
  log.info({ signal: await stop.first }, 'asked to stop');
  await stop.unlessTwice(this, switchyard.close());
}

function logOptions({ level, format }: LogConfig, output: Output): LogOptions {
  if (format !== 'auto') return { level, format };
  return { level, format: output.isTTY === true ? 'pretty' : 'json' };
}
