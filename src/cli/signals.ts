// Signals that do not stop a serving command: SIGUSR1 has it say how it is, the others mean nothing yet.
import type { Switchyard } from '../app.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CliContext, SignalName } from './context.ts';

/** Has the signals that are not for stopping logged, and SIGUSR1 answered, from now on. */
export function answerSignals(
  context: CliContext,
  log: Logger,
  switchyard: Switchyard,
  ignored: readonly SignalName[],
): void {
  context.onSignals(['SIGUSR1'], () => switchyard.reportState());
  context.onSignals(ignored, (signal) => log.info({ signal }, 'a signal that has no meaning here: ignored'));
  void closeDebugger(log);
}

/**
 * Until a program listens for SIGUSR1, Node opens its debugger's port at that signal: one that came in the first
 * milliseconds of the process, before any of our code ran, has done so. Whoever may connect there rules the process.
 */
async function closeDebugger(log: Logger): Promise<void> {
  const isAskedFor = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) =>
    option.includes('--inspect'),
  );
  if (isAskedFor) return;
  const { default: inspector } = await import('node:inspector');
  if (inspector.url() === undefined) return;
  inspector.close();
  log.warn('a SIGUSR1 during the start had opened the debugger of Node: closed');
}
