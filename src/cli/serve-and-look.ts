// `switchyard serve --discover` and `--once`: finds out what to serve, says so, serves, looks at it through its own
// socket, shows what it saw, and stays up.
import { type Switchyard, startSwitchyard } from '../app.ts';
import { createLogger, reportLostLines } from '../telemetry/log.ts';
import { LogSink } from '../telemetry/log-sink.ts';
import type { ServeFlags } from './commands/serve.ts';
import { type CliContext, EXIT } from './context.ts';
import { HeldOutput } from './held-output.ts';
import { playSession } from './kubelet-session.ts';
import { lookAround, waitUntilComplete } from './look-around.ts';
import { formatLook, formatSession } from './look-report.ts';
import { arrangeSetup, givenSetup, type Setup } from './setup.ts';
import { answerSignals } from './signals.ts';
import { StopSignals } from './stop.ts';
import { paintFor } from './table.ts';
import { LOOK } from './text.ts';

const STDERR = 2;

/** Serves what the flags ask for. With `once` it ends after the look, with exit code 0 or 1. */
export async function serveAndLook(context: CliContext, flags: ServeFlags): Promise<void> {
  // It belongs to a terminal, and ends with that.
  using stop = new StopSignals(context, ['SIGHUP']);
  await using setup =
    flags.config === undefined ? await arrangeSetup(context) : await givenSetup(context, flags.config);
  if (setup === undefined) return;
  const { stdout } = context.process;
  stdout.write(setup.intro);
  // Log lines of the look would stand between its results, which say the same: they are kept for when it fails.
  await using sink = new LogSink(STDERR);
  using logOutput = new HeldOutput(sink);
  const { level, format } = setup.config.log;
  const log = createLogger({ level, format: format === 'json' ? 'json' : 'pretty' }, logOutput);
  reportLostLines(log, sink);
  const lostLogLines = () => sink.lostLines;
  const switchyard = await startSwitchyard({ config: setup.config, log, lostLogLines });
  answerSignals(context, log, switchyard, ['SIGUSR2']);
  let isExpected = false;
  try {
    const looking = look(context, switchyard, setup);
    // Whoever stops us in the middle of the look does not care how it ends.
    looking.catch(() => {});
    isExpected = await Promise.race([looking, stop.first.then(() => false)]);
    if (flags.once === true) {
      context.process.exitCode = isExpected ? EXIT.done : EXIT.failed;
    } else {
      if (isExpected) logOutput.drop();
      logOutput.pass();
      stdout.write(LOOK.staysUp(switchyard.socket, switchyard.adminAddress));
      await stop.first;
    }
  } finally {
    await stop.unlessTwice(context, switchyard.close());
    if (isExpected && flags.once === true) logOutput.mute();
  }
}

/** Shows what is served, and returns whether all was as expected. */
async function look(context: CliContext, switchyard: Switchyard, setup: Setup): Promise<boolean> {
  const { stdout, stderr, env } = context.process;
  const paint = paintFor(stdout, env);
  const missing = await waitUntilComplete(switchyard.socket);
  if (missing !== undefined) stderr.write(`${LOOK.incomplete(missing)}\n`);
  if (setup.playsSession && missing === undefined) {
    const report = await playSession(switchyard.socket, setup.config);
    stdout.write(formatSession(report, setup.config, paint));
    return [
      ...report.outcomes.map((outcome) => outcome.isExpected),
      ...report.findings.map((f) => f.holds),
    ].every(Boolean);
  }
  const views = await lookAround(setup.config);
  stdout.write(formatLook(views, paint));
  return missing === undefined && views.every((view) => view.kind === 'answers');
}
