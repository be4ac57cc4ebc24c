// Reading into one buffer for all connections, on accepted sockets too. By itself Node gives every read of such a socket
// memory of its own (64 KiB that are then cut to size), and two stream events: a tenth of what a small call costs in all.
import net from 'node:net';
import { SHARED_READ_BUFFER } from './frame-reader.ts';

/** Takes `sizeBytes` at the start of the shared read buffer, before the next read of any socket. True: go on reading. */
export type OnSharedRead = (sizeBytes: number) => boolean;

/** What a socket is told at its making, to read into the shared buffer. */
export function sharedReads(onRead: OnSharedRead): {
  buffer: Uint8Array;
  callback: OnSharedRead;
} {
  return { buffer: SHARED_READ_BUFFER, callback: onRead };
}

/**
 * A socket in the place of `accepted`, which was accepted with `pauseOnConnect` and is of no use afterwards. Node lets
 * only the maker of a socket say where it reads to, and a server makes its own. Undefined when this Node does not
 * keep the system's handle where all versions since 12 do: then `accepted` is as it was.
 */
export function readingShared(accepted: net.Socket, onRead: OnSharedRead): net.Socket | undefined {
  const inner = accepted as unknown as { _handle?: object | null };
  const handle = inner._handle;
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle)) return undefined;
  inner._handle = null;
  accepted.destroy(); // its server must not wait for it
  const options = { handle, readable: true, writable: true, onread: sharedReads(onRead) };
  return new net.Socket(options as unknown as net.SocketConstructorOpts);
}
