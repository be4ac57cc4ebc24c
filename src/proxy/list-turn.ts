// The door of lists, the longest of replies: each waits until its client has room for what it will bring (list-queue.ts).
import type { ListMethod, StreamListMethod } from '../cri/methods.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { STATUS } from '../grpc/status.ts';
import type { CallEnd } from './call-host.ts';
import { ListSizes } from './list-sizes.ts';
import type { Handler } from './parts.ts';

/** The framed request of a list without a filter, or with one that is empty. */
const FULL_REQUEST_BYTES = PREFIX_BYTES + 2;

/** `handler`, for calls that have room. */
export function inTurn<M extends ListMethod | StreamListMethod>(handler: Handler<M>): Handler<M> {
  const full = new ListSizes();
  const filtered = new ListSizes();
  const watcherOf =
    (sizes: ListSizes): CallEnd =>
    ({ rpc, collectedBytes, replyBytes }, code) => {
      // A snapshot's answer is not collected, but it waits for the client.
      if (code === STATUS.OK) sizes.saw(rpc, Math.max(collectedBytes, replyBytes));
    };
  const sawFull = watcherOf(full);
  const sawFiltered = watcherOf(filtered);
  return (call, method) => {
    const isFull = call.request.sizeBytes <= FULL_REQUEST_BYTES;
    const sizes = isFull ? full : filtered;
    call.watch(isFull ? sawFull : sawFiltered);
    const { lists } = call.client;
    if (lists.admits(call, sizes)) return handler(call, method);
    lists.add(call, sizes, () => handler(call, method));
  };
}
