// A call on its way out: the headers of its request, checked against what the backend takes, and its one message.
import { type ApiVersion, pathFor } from '../cri/versions.ts';
import { MessageTooLargeError } from '../errors.ts';
import { fitsList } from '../grpc/header-fit.ts';
import { backendRequestFields } from '../grpc/metadata.ts';
import { timeoutField } from '../grpc/timeout.ts';
import type { ClientConnection } from '../http2/client.ts';
import { MAX_PAYLOAD_BYTES } from '../http2/frame.ts';
import type { BackendCall, BackendRequest } from './backend-call.ts';

/** Opens a stream and sends the request on it, in the API version that the backend speaks. */
export function sendRequest(
  backendName: string,
  connection: ClientConnection,
  apiVersion: ApiVersion,
  call: BackendCall,
  request: BackendRequest,
  remainingMs: number | undefined,
): void {
  const { start, end, body } = request;
  const timeout = remainingMs === undefined ? undefined : timeoutField(remainingMs);
  const own = request.version === apiVersion ? request.path : undefined;
  const path = own ?? pathFor(request.service, request.rpc, apiVersion);
  const fields = backendRequestFields(path, request.metadata, timeout);
  const { peerHeaderListBytes } = connection;
  if (!fitsList(fields, peerHeaderListBytes)) {
    call.onRefused(
      new MessageTooLargeError(
        `the metadata of ${request.rpc} is over the ${peerHeaderListBytes} bytes of headers that backend ${backendName} takes`,
        { hint: 'Send less metadata with the call' },
      ),
    );
    return;
  }
  const stream = connection.open(call);
  call.stream = stream;
  stream.sendHeaders(fields, end === start);
  // Only a request of one frame can be borrowed. Nobody writes to the bytes of a longer one, so they are not copied.
  if (end - start > MAX_PAYLOAD_BYTES) stream.sendOwned(body, start, end, true);
  else if (end > start) stream.sendData(body, start, end, true);
}
