// `switchyard serve`: the way that a node takes is short, so that the first call is answered soon. All that looks
// around and shows things is loaded only when asked for.
import { setFlagsFromString } from 'node:v8';
import { startSwitchyard } from '../../app.ts';
import type { LogConfig } from '../../config/config.ts';
import { createLogger, type LogOptions } from '../../telemetry/log.ts';
import { readConfig } from '../config-file.ts';
import { type CliContext, type Output, UsageError } from '../context.ts';
import { StopSignals } from '../stop.ts';
import { USAGE } from '../text.ts';

export interface ServeFlags {
  readonly config: string | undefined;
  readonly discover: boolean | undefined;
  readonly once: boolean | undefined;
}

/** Serves until a signal asks to stop. */
export async function serve(this: CliContext, flags: ServeFlags): Promise<void> {
  if (flags.config === undefined && flags.discover !== true) throw new UsageError(USAGE.serveNeedsConfig);
  if (flags.config === undefined || flags.discover === true || flags.once === true) {
    const { serveAndLook } = await import('../serve-and-look.ts');
    return serveAndLook(this, flags);
  }
  keepYoungGenerationSmall();
  const config = await readConfig(this, flags.config);
  if (config === undefined) return;
  using stop = new StopSignals(this);
  const switchyard = await startSwitchyard({
    config,
    log: createLogger(logOptions(config.log, this.process.stdout)),
  });
  await stop.first;
  await stop.close(this, () => switchyard.close());
}

/**
 * V8 doubles the young generation whenever much of it survives, up to 32 MB, which a start and long lists make it do, and
 * which the process has no use for after them: what a call leaves behind is dead by the next scavenge. Not sooner than
 * this: the chunks that are loaded by now all survive, and a small generation has them copied more often.
 */
function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

function logOptions({ level, format }: LogConfig, output: Output): LogOptions {
  if (format !== 'auto') return { level, format };
  return { level, format: output.isTTY === true ? 'pretty' : 'json' };
}
