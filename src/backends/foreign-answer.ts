// Answers that are HTTP but no gRPC: of a web server, or of a proxy that has lost its own server. Their bodies are not
// read, so that no words of a web page are taken for the length of a message.
import { ForeignAnswerError } from '../errors.ts';
import { statusFromHttp } from '../grpc/status.ts';
import { type Field, KNOWN } from '../http2/field.ts';
import { excerpt } from '../quote.ts';
import { NAME_ANOTHER } from './foreign-peer.ts';

/** The error for a response whose first headers are not those of a gRPC answer; undefined when they are. */
export function foreignAnswer(
  backendName: string,
  headers: readonly Field[],
  endStream: boolean,
): ForeignAnswerError | undefined {
  let isForeign = false;
  let hasGrpcStatus = false;
  for (let i = 0; i < headers.length; i++) {
    const field = headers[i] as Field;
    switch (field.known) {
      case KNOWN.status:
        if (field.value !== '200') isForeign = true;
        break;
      case KNOWN.contentType:
        if (!field.value.startsWith('application/grpc')) isForeign = true;
        break;
      case KNOWN.grpcStatus:
        hasGrpcStatus = true;
        break;
      default:
    }
  }
  // A status of gRPC's own counts, whatever stands around it.
  if (!isForeign || (hasGrpcStatus && endStream)) return undefined;
  const textOf = (known: number) => headers.find((field) => field.known === known)?.value ?? '';
  const httpStatus = textOf(KNOWN.status);
  const contentType = textOf(KNOWN.contentType);
  const withType = contentType === '' ? '' : ` with ${excerpt(contentType)}`;
  return new ForeignAnswerError(
    statusFromHttp(Number(httpStatus)),
    `backend ${backendName} answered HTTP ${httpStatus}${withType}, not gRPC: a web server, or a proxy without its own server, is on its socket`,
    { hint: NAME_ANOTHER },
  );
}
