// What a command that threw says, and the exit code it gets.
import { SwitchyardError } from '../errors.ts';
import { EXIT, UsageError } from './context.ts';
import { FAILURE } from './text.ts';

/** The exit code for what a command threw. */
export function failureCode(error: unknown): number {
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** What a command threw, for people: the stack only when it is a bug. */
export function describeFailure(error: unknown): string {
  if (error instanceof SwitchyardError) return FAILURE.withHint(error.message, error.hint);
  if (error instanceof UsageError) return error.message;
  return FAILURE.bug(stackOf(error));
}

/** The stack of an error, or whatever else was thrown. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
