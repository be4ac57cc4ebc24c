// Small acts on sockets that the relay does on both of its sides.
import type net from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { HEAD_END } from './head.ts';

/** How long a peer may take to close its side of a connection that is over. */
const LINGER_MS = 5_000;

/** What came before the bytes that are for the other side: a head, or why there is none. */
export type ReadHead =
  | { readonly kind: 'head'; readonly head: string; readonly rest: Buffer }
  | { readonly kind: 'too-long' }
  /** The peer ended, or the connection broke. */
  | { readonly kind: 'ended' };

/** Reads one head, with its end, and pauses the socket; what came behind it is `rest`. Never rejects. */
export function readHead(socket: net.Socket, limitBytes: number): Promise<ReadHead> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    let sizeBytes = 0;
    const done = (outcome: ReadHead) => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      socket.pause();
      resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      const from = Math.max(0, sizeBytes - HEAD_END.length + 1);
      held = sizeBytes === 0 ? chunk : joined(held, sizeBytes, chunk);
      sizeBytes += chunk.length;
      const end = held.subarray(0, sizeBytes).indexOf(HEAD_END, from, 'latin1') + HEAD_END.length;
      if (end < HEAD_END.length) {
        if (sizeBytes > limitBytes) done({ kind: 'too-long' });
        return;
      }
      if (end > limitBytes) done({ kind: 'too-long' });
      else done({ kind: 'head', head: held.toString('latin1', 0, end), rest: held.subarray(end, sizeBytes) });
    };
    const onEnd = () => done({ kind: 'ended' });
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
    if (socket.destroyed) onEnd();
    else socket.resume();
  });
}

/** Puts `chunk` behind the first `sizeBytes` of `held`, which grows by doubling: a head may come byte by byte. */
function joined(held: Buffer, sizeBytes: number, chunk: Buffer): Buffer {
  const size = sizeBytes + chunk.length;
  let buffer = held;
  // What came first lies in a buffer of the system's own, which is never written to.
  if (size > held.length) {
    buffer = Buffer.allocUnsafe(Math.max(1024, 2 * size));
    held.copy(buffer, 0, 0, sizeBytes);
  }
  chunk.copy(buffer, sizeBytes);
  return buffer;
}

/** Sends the last bytes, if any, and lets the peer read them before the connection goes. */
export function endSoon(socket: net.Socket, clock: Clock, last = ''): void {
  if (socket.destroyed) return;
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  // What still comes is of no use; unread it would make the system cut the connection under the answer.
  socket.resume();
  socket.end(last);
}

/** Ends a connection so that the peer sees it was broken off, where that can be said. */
export function breakOff(socket: net.Socket): void {
  if (socket.connecting || socket instanceof TLSSocket) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}

/** Whether both directions came to their proper end. */
export function isComplete(socket: net.Socket): boolean {
  return socket.readableEnded && socket.writableFinished;
}
