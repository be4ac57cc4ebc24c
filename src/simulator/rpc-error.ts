// How a simulated runtime says no: a gRPC status and its text, thrown anywhere below a handler.

import type { StatusName } from '../errors.ts';

/** A status other than OK, as the simulated runtime sends it. Not an error of Switchyard's own. */
export class RpcError extends Error {
  readonly status: StatusName;

  constructor(status: StatusName, message: string) {
    super(message);
    this.name = 'RpcError';
    this.status = status;
  }
}

/** The numbers gRPC gives the status names. */
export const STATUS_NUMBER: Readonly<Record<StatusName, number>> = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};
