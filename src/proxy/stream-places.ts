// Who may have one of the few streams that last as long as their client likes: events, health. Their number is bounded,
// and no connection keeps another from having one. Pure but for looking at the calls.
import type { Call } from './call.ts';
import type { ClientSide } from './call-host.ts';

/**
 * The call that is to end so that `newcomer` gets its place: one of the connection that has most of them, if that has
 * more than the newcomer's would; else, of connections with as many as that, the one that reads worst, unless all read.
 * Undefined: the newcomer is refused.
 */
export function whoYields(newcomer: Call, calls: readonly Call[]): Call | undefined {
  const counts = new Map<ClientSide, number>();
  for (const { client } of calls) counts.set(client, (counts.get(client) ?? 0) + 1);
  const newcomers = (counts.get(newcomer.client) ?? 0) + 1;
  let [greedy, most]: [Call | undefined, number] = [undefined, newcomers];
  let [slow, mostBytes]: [Call | undefined, number] = [undefined, 0];
  for (const call of calls) {
    const count = counts.get(call.client) ?? 0;
    if (count > most) [greedy, most] = [call, count];
    const { queuedBytes } = call.stream;
    // A reader too may have some bytes that wait just now.
    if (count >= newcomers && call.client !== newcomer.client && queuedBytes > mostBytes)
      [slow, mostBytes] = [call, queuedBytes];
  }
  return greedy ?? slow;
}
