// Every error of Switchyard's own: a stable code, the gRPC status it becomes, a message and a next step.
// Thrown beside the cause; mapped to a reply only in proxy/layers/rescue.ts. A backend's own error is never one of these.

import { cutText } from './quote.ts';

/** The longest status message of ours. A client on C-core takes 8 KiB of headers in all. */
const STATUS_MESSAGE_BYTES = 4096;
const HEAD_BYTES = 'switchyard: '.length;

/** Names of the gRPC status codes, as the gRPC specification writes them. */
export type StatusName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** What an error of ours says beside its message. */
export interface ErrorOptions {
  /** What the reader can do next; one sentence without a full stop at its end. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Names of the backends for whose sake the call is refused. */
  readonly backends?: readonly string[];
}

/**
 * Base of all errors of ours. `message` says who, what and why; `hint` what to do next.
 * `status` is what a client gets; `code` is stable and made for logs and docs.
 */
export class SwitchyardError extends Error {
  readonly code: string;
  readonly status: StatusName;
  readonly hint: string;
  /** Names of the backends for whose sake the call is refused, for metrics and the log. */
  readonly backends: readonly string[];

  constructor(code: string, status: StatusName, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.hint = options.hint ?? '';
    this.backends = options.backends ?? [];
  }

  /** The text a client sees: who speaks, what happened, what to do. A message that is long gives way to the hint. */
  toStatusMessage(): string {
    const hint = this.hint === '' ? '' : `. ${cutText(this.hint, STATUS_MESSAGE_BYTES / 4)}`;
    return `switchyard: ${cutText(this.message, STATUS_MESSAGE_BYTES - HEAD_BYTES - Buffer.byteLength(hint))}${hint}`;
  }
}

/** No rule, handler or default fits the pod, or a safety rule forbids the placement. */
export class NoRouteError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_NO_ROUTE', 'FAILED_PRECONDITION', message, options);
  }
}

/** The backend that must answer is not connected or not ready. */
export class BackendUnavailableError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_BACKEND_UNAVAILABLE', 'UNAVAILABLE', message, options);
  }
}

/** A backend's answer is HTTP but no gRPC; its HTTP status says which gRPC status that is. */
export class ForeignAnswerError extends SwitchyardError {
  constructor(status: StatusName, message: string, options?: ErrorOptions) {
    super('SWITCHYARD_FOREIGN_ANSWER', status, message, options);
  }
}

/** Every backend was asked for the id and denies it. */
export class UnknownIdError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_UNKNOWN_ID', 'NOT_FOUND', message, options);
  }
}

/** The id is not known here and some backend could not be asked. Never NOT_FOUND: the kubelet would forget the object. */
export class UnresolvedIdError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_UNRESOLVED_ID', 'UNAVAILABLE', message, options);
  }
}

/** A client asked for the health of a service that is not here. */
export class UnknownServiceError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_UNKNOWN_SERVICE', 'NOT_FOUND', message, options);
  }
}

/** A shortened id fits several objects. */
export class AmbiguousIdError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_AMBIGUOUS_ID', 'INVALID_ARGUMENT', message, options);
  }
}

/** A container runs from the image that is to be removed, which the client may not have seen. */
export class ImageInUseError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_IMAGE_IN_USE', 'FAILED_PRECONDITION', message, options);
  }
}

/** One full id is held by two backends: they are most likely two endpoints of one runtime. */
export class DuplicateIdError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_DUPLICATE_ID', 'INTERNAL', message, options);
  }
}

/** A list would lack a backend, so there is no list. */
export class PartialListError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_PARTIAL_LIST', 'UNAVAILABLE', message, options);
  }
}

/** Bytes that do not parse: INVALID_ARGUMENT when they came from the client, INTERNAL when from a backend. */
export class MalformedMessageError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions & { readonly from?: 'client' | 'backend' }) {
    super(
      'SWITCHYARD_MALFORMED_MESSAGE',
      options?.from === 'backend' ? 'INTERNAL' : 'INVALID_ARGUMENT',
      message,
      options,
    );
  }
}

/** The filter of a list cannot be read. Not INVALID_ARGUMENT: runtimes, whose gRPC library finds that, say INTERNAL. */
export class UnreadableFilterError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_UNREADABLE_FILTER', 'INTERNAL', message, options);
  }
}

/** A message is longer than the limit of the config, or a header list longer than who is to get it takes. */
export class MessageTooLargeError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_MESSAGE_TOO_LARGE', 'RESOURCE_EXHAUSTED', message, options);
  }
}

/** A backend's headers are over our limits. Unlike a list that has grown too long, the next answer may be a good one. */
export class HeadersTooLargeError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_HEADERS_TOO_LARGE', 'RESOURCE_EXHAUSTED', message, options);
  }
}

/** What was asked for is not served: an unknown service, or a compressed message. */
export class UnimplementedError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_UNIMPLEMENTED', 'UNIMPLEMENTED', message, options);
  }
}

/** Too many calls in flight, or too many bytes wait for a slow client. */
export class OverloadedError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_OVERLOADED', 'RESOURCE_EXHAUSTED', message, options);
  }
}

/** Switchyard is stopping and takes no new calls. */
export class DrainingError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_DRAINING', 'UNAVAILABLE', message, options);
  }
}

/** The client's own deadline has passed. A time limit of ours is never this but a BackendUnavailableError. */
export class DeadlineError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_DEADLINE', 'DEADLINE_EXCEEDED', message, options);
  }
}

/** A backend gave a URL for a stream that clients, or the relay, cannot use. */
export class StreamUrlError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_STREAM_URL', 'FAILED_PRECONDITION', message, options);
  }
}

/** Backends contradict each other where one answer is needed, for example in their cgroup driver. */
export class DisagreementError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_DISAGREEMENT', 'FAILED_PRECONDITION', message, options);
  }
}

/** The backend's runtime would silently ignore a field of the request that the pod's isolation rests on. */
export class IgnoredFieldError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_IGNORED_FIELD', 'FAILED_PRECONDITION', message, options);
  }
}

/** A container would get the image or the user that another backend has under its image's name. */
export class StrayImageError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_STRAY_IMAGE', 'UNAVAILABLE', message, options);
  }
}

/** Switchyard cannot start: the socket is taken, a folder is not writable, a backend is configured twice. */
export class StartError extends SwitchyardError {
  constructor(message: string, options?: ErrorOptions) {
    super('SWITCHYARD_START', 'FAILED_PRECONDITION', message, options);
  }
}

/** The only door from `catch`: an error of ours stays, anything else is a bug and becomes INTERNAL. */
export function toSwitchyardError(error: unknown): SwitchyardError {
  if (error instanceof SwitchyardError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SwitchyardError('SWITCHYARD_INTERNAL', 'INTERNAL', `unexpected error: ${text}`, {
    hint: 'This is a bug of Switchyard: please report it with the log line of this call',
    cause: error,
  });
}
