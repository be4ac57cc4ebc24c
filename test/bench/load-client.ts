// The load client: a process of its own on the project's HTTP/2 client, asked over ipc for one slice of load at a time.
// Its connections stay open from slice to slice.
import { ClientConnection } from '../../src/http2/client.ts';
import { runSlice, type SliceResult } from './slice.ts';
import { type Exchange, exchangesOf, type Workload } from './workloads.ts';

/** One slice the bench asks for. */
export interface SliceOrder {
  readonly workload: Workload;
  readonly inFlight: number;
  readonly durationMs: number;
  /**
   * True for what precedes the slice that counts: one call whose answer is compared byte for byte, then a few more, so
   * that what the change of workload made cold (a proxy that learns other ids, for one) is warm again.
   */
  readonly isLeadIn: boolean;
  /** One proxy's socket, or those of all backends: then the client itself asks all at once. */
  readonly sockets: readonly string[];
}

const CONNECT_TIMEOUT_MS = 5_000;
const connections = new Map<string, ClientConnection>();
const exchangesByWorkload = new Map<string, readonly Exchange[]>();

function connectionTo(socket: string): Promise<ClientConnection> {
  const known = connections.get(socket);
  if (known?.isOpen === true) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no connection to ${socket}`)), CONNECT_TIMEOUT_MS);
    const connection = ClientConnection.connect(socket, {
      onReady: () => {
        clearTimeout(timer);
        connections.set(socket, connection);
        resolve(connection);
      },
      onSlot: () => {},
      onGoaway: () => connections.delete(socket),
      onClose: (reason, error) => {
        connections.delete(socket);
        clearTimeout(timer);
        reject(error ?? new Error(reason));
      },
    });
  });
}

async function run(order: SliceOrder): Promise<SliceResult> {
  const known = exchangesByWorkload.get(order.workload.name) ?? exchangesOf(order.workload);
  exchangesByWorkload.set(order.workload.name, known);
  const options = {
    ...order,
    exchanges: known,
    connections: await Promise.all(order.sockets.map(connectionTo)),
    comparesBytes: false,
  };
  if (order.isLeadIn) {
    const first = await runSlice({ ...options, inFlight: 1, durationMs: 0, comparesBytes: true });
    if (first.errors.length > 0) return first;
  }
  return runSlice(options);
}

process.on('message', (order: SliceOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      const failed: SliceResult = { calls: 0, elapsedMs: 0, p50Us: 0, p99Us: 0, errors: [String(error)] };
      process.send?.(failed);
    },
  );
});
process.on('disconnect', () => process.exit(0));
