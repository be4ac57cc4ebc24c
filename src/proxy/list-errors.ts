// Why a list is not given, in the words for the client.
import type { Backend } from '../backends/backend.ts';
import { type ListMethod, METHODS } from '../cri/methods.ts';
import {
  BackendUnavailableError,
  MessageTooLargeError,
  PartialListError,
  UnreadableFilterError,
} from '../errors.ts';

/** A backend that has no part in a list, and why. */
export interface Lack {
  readonly backend: Backend;
  readonly why: string;
}

const whysOf = (lacks: readonly Lack[]) => lacks.map(({ why }) => why).join('; ');
const namesOf = (lacks: readonly Lack[]) => lacks.map(({ backend }) => backend.name);

const OBJECTS = { sandbox: 'pods', container: 'containers', image: 'images' } as const;

/** The error of a list of objects that would lack backends; `rpc` is it or its streamed form. */
export function incomplete(rpc: string, { object }: ListMethod, lacks: readonly Lack[]): PartialListError {
  return new PartialListError(`${rpc} would not be complete: ${whysOf(lacks)}`, {
    hint: `The kubelet would take what a short list lacks for removed ${OBJECTS[object]}, so it gets none`,
    backends: namesOf(lacks),
  });
}

/** The error of a list that may lack backends, when it would lack all of them. */
export function nobodyAnswers(rpc: string, lacks: readonly Lack[]): BackendUnavailableError {
  return new BackendUnavailableError(`no backend answers ${rpc}: ${whysOf(lacks)}`, {
    hint: 'An empty list would say that nothing runs',
    backends: namesOf(lacks),
  });
}

/** The error of a filter that cannot be read, in the words of the runtimes' gRPC library. */
export function unreadable(why: string): UnreadableFilterError {
  return new UnreadableFilterError(`grpc: error unmarshalling request: ${why}`);
}

/** The error of a joined reply that the client would not take. */
export function tooLong(method: ListMethod, sizeBytes: number, limitBytes: number): MessageTooLargeError {
  return new MessageTooLargeError(
    `the joined reply of ${method.name} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    { hint: hintToStream(method) },
  );
}

/** The error of a list of which one backend's part is too long already. */
export function partTooLong(
  method: ListMethod,
  backend: Backend,
  { message }: MessageTooLargeError,
): MessageTooLargeError {
  return new MessageTooLargeError(message, { hint: hintToStream(method), backends: [backend.name] });
}

function hintToStream(method: ListMethod): string {
  return `Turn on the kubelet's feature gate CRIListStreaming, which uses ${streamOf(method)}`;
}

/** The streamed form of a list. */
export function streamOf(method: ListMethod): string {
  return METHODS.find((row) => row.kind === 'stream-list' && row.unary === method.name)?.name ?? '';
}
