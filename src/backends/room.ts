// Whether a backend has room for a call, and what is kept when its limits are used up: for clients that have few calls in
// flight themselves, and for questions of Switchyard's own. So no client takes a backend from all others.
import type { BackendRequest } from './backend-call.ts';

/** So much of a limit is kept beyond it. */
const RESERVE = 0.1;
/** One client may take up to a fifth of what is kept, two a sixth each, and so on: each leaves this many times its own. */
const LEFT_FOR_EACH_CALL = 4;
/** Request bytes that may wait for the backend to read them. A kubelet's calls have a few KiB. */
const UNREAD_BYTES_LIMIT = 64 * 1024 * 1024;
/** What each call of a client is taken for where bytes are shared. */
const CALL_BYTES = 4 * 1024;

/** Whether one call more may be taken where `limit` calls may be held. */
export function hasRoom({ clientCalls }: BackendRequest, limit: number, held: number): boolean {
  return held < limit || isReservedFor(clientCalls, limit, held);
}

/** The same of bytes that the backend has yet to read. */
export function hasByteRoom({ clientCalls, start, end }: BackendRequest, unreadBytes: number): boolean {
  if (unreadBytes <= UNREAD_BYTES_LIMIT) return true;
  return isReservedFor(clientCalls * CALL_BYTES, UNREAD_BYTES_LIMIT, unreadBytes + end - start);
}

/** Half is all that questions of our own (0) may take, because clients bring them about. */
function isReservedFor(clientHolds: number, limit: number, held: number): boolean {
  const reserve = Math.floor(limit * RESERVE);
  const left = limit + reserve - held;
  return clientHolds === 0 ? left * 2 > reserve : clientHolds * LEFT_FOR_EACH_CALL <= left;
}
