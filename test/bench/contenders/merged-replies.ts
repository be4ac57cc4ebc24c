// What the comparison proxies share: which calls go to both backends, and whose sandbox an id is.
// They are told apart by the id's first character (see canned.ts), which costs them next to nothing.

/** Bytes of the gRPC message prefix. */
export const PREFIX_BYTES = 5;

/** True for a call whose answer joins the answers of all backends. */
export function isMergedPath(path: string): boolean {
  return path === '/runtime.v1.RuntimeService/ListContainers';
}

/** The index of the backend a request of one owner goes to; 0 when it names no id. `start` is where the message begins. */
export function ownerOfRequest(request: Uint8Array, start: number): 0 | 1 {
  // Field 1 with a string of less than 128 bytes: tag, length, then the id.
  return request[start] === 0x0a && request[start + 2] === 'b'.charCodeAt(0) ? 1 : 0;
}
