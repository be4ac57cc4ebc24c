// What the log of a start says of the journal that was read: what of it is not used, what that means, and what to do.

export interface ReplayOutcome {
  /** By the name of its backend, how many objects are left out. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Name to socket of the backends in the config. */
  readonly sockets: ReadonlyMap<string, string>;
  /** Entries of a kind that is not known, and those that cannot be understood. */
  readonly unknown: number;
  readonly unread: number;
  /** Whether the lists on record are used. */
  readonly isTrusted: boolean;
}

/** As sentences without a full stop. Empty when all is well. */
export function replayRemarks(outcome: ReplayOutcome): string[] {
  const { leftOut, sockets, unknown, unread, isTrusted } = outcome;
  const remarks = Array.from(leftOut, ([name, count]) => leftOutRemark(name, count, sockets.get(name)));
  if (unknown > 0) remarks.push(`${unknown} entries of the journal are of an unknown kind and left out`);
  if (unread > 0) remarks.push(`${unread} entries of the journal cannot be understood`);
  if (!isTrusted)
    remarks.push(
      'no list that is on record is used, for it may lack pods: until every backend has answered once, lists fail and pods that are not known get no sandbox; start the backends that are away',
    );
  return remarks;
}

function leftOutRemark(name: string, count: number, socket: string | undefined): string {
  const what = `${count} pods and containers of backend ${name}`;
  const effect =
    'are left out: those that run go on running, unknown to the kubelet, which starts them a second time';
  return socket === undefined
    ? `${what}, which is not in the config, ${effect}; put the backend back into the config and move its pods away first, or end them at its runtime`
    : `${what}, which has another socket now, ${effect} unless the runtime behind ${socket} is the same; if it is not, put the old socket back and move the pods away first, or end them at that runtime`;
}
