// Why a connection to a backend could not be made or kept, in words instead of the codes of system calls.
import { statSync } from 'node:fs';
import { NAME_ANOTHER, NOT_ALLOWED } from './foreign-peer.ts';

const CODE = /\b(E[A-Z]{3,})\b/;

/** What the kernel said when it was connected to; what has no better words stays as it is. */
export function describeConnectFailure(socket: string, reason: string): string {
  switch (CODE.exec(reason)?.[1]) {
    case 'ENOENT':
      return `there is no ${socket}`;
    case 'ECONNREFUSED':
      return describeRefusal(socket);
    case 'EACCES':
    case 'EPERM':
      return `permission denied on ${socket}. ${NOT_ALLOWED}`;
    case 'EPROTOTYPE':
      return `${socket} is a socket, but not a stream socket. ${NAME_ANOTHER}`;
    case 'EAGAIN':
      return `${socket} takes no more connections: its queue is full`;
    default:
      return reason;
  }
}

/** How a connection ended; however the kernel noticed it, for the reader it is one thing. */
export function describeLoss(reason: string, hasAnswered: boolean): string {
  const code = CODE.exec(reason)?.[1];
  const isByPeer = code === 'ECONNRESET' || code === 'EPIPE' || reason === 'the peer closed the connection';
  if (!isByPeer) return reason;
  return hasAnswered
    ? 'it closed the connection'
    : 'it closed the connection before it answered. Does it expect TLS? CRI on a unix socket goes without';
}

function describeRefusal(socket: string): string {
  try {
    const found = statSync(socket);
    if (found.isDirectory()) return `${socket} is a directory, not a socket. ${NAME_ANOTHER}`;
    if (!found.isSocket()) return `${socket} is a file, not a socket. ${NAME_ANOTHER}`;
  } catch {
    // It has gone since, or may not be looked at.
  }
  return `nobody listens on ${socket}`;
}
