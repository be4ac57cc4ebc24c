// The answer of Exec, Attach and PortForward: the backend's own, with a URL in it that the client can use.
import type { Backend } from '../backends/backend.ts';
import type { OwnedMethod } from '../cri/methods.ts';
import { type Path, readString, replaceString } from '../cri/wire.ts';
import { MalformedMessageError } from '../errors.ts';
import type { Call } from './call.ts';
import { collect, replyWith } from './collect.ts';
import type { ProxyParts } from './parts.ts';

/**
 * Makes the call at the owner. Only the URL of its answer is edited, and only when it has to be: all else, fields that
 * are not known here among them, passes as it came.
 */
export function replyWithUrl(
  parts: ProxyParts,
  call: Call,
  stream: NonNullable<OwnedMethod['stream']>,
  owner: Backend,
): void {
  const { config, streams } = parts;
  const options = { body: call.body, limitBytes: config.limits.messageSizeBytes, isRetryable: false };
  collect(call, owner, options, (outcome) => {
    if (outcome.kind !== 'answered') {
      replyWith(call, owner, outcome);
      return;
    }
    const { message } = outcome;
    const given = readUrl(owner, message, stream.urlPath);
    // The share stands for the connection, and unlike all else of it is small enough to be kept for a minute.
    const url = streams.urlOf(stream.kind, owner.config, given, call.client.calls);
    const edited = url === given ? message : Buffer.from(replaceString(message, stream.urlPath, url));
    replyWith(call, owner, { ...outcome, message: edited });
  });
}

function readUrl(owner: Backend, message: Buffer, path: Path): string {
  try {
    return readString(message, 0, message.length, path) ?? '';
  } catch (error) {
    const text = `backend ${owner.name} answered with bytes that do not parse`;
    throw new MalformedMessageError(text, { from: 'backend', cause: error });
  }
}
