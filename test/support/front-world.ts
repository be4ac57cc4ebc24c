// The client side of the proxy alone, on a socket of its own, with a handler of the test's instead of backends.
import net from 'node:net';
import type { Clock } from '../../src/clock.ts';
import { systemClock } from '../../src/clock.ts';
import type { ConnectionLimit } from '../../src/listeners/connection-limit.ts';
import type { Call } from '../../src/proxy/call.ts';
import { Front } from '../../src/proxy/front.ts';
import { Admission } from '../../src/proxy/layers/admit.ts';
import { rescue } from '../../src/proxy/layers/rescue.ts';
import { block } from './http2-raw-peer.ts';
import { limitFor } from './limit-for.ts';
import { type LogLine, recorder } from './proxy-world.ts';
import { tempDir } from './temp-dir.ts';

export interface FrontWorld extends AsyncDisposable {
  readonly path: string;
  readonly front: Front;
  readonly admission: Admission;
  /** Those that came as far as the handler. */
  readonly calls: Call[];
  readonly lines: readonly LogLine[];
}

export interface FrontWorldOptions {
  readonly clock?: Clock;
  readonly callsInFlight?: number;
  readonly handle?: (call: Call) => void;
  readonly limit?: ConnectionLimit;
}

/** A front whose calls go to `handle`, and are left unanswered without one. */
export async function frontWorld(options: FrontWorldOptions = {}): Promise<FrontWorld> {
  const { clock = systemClock, callsInFlight = 10_000, handle = () => {} } = options;
  const messageSizeBytes = 16 * 1024 * 1024;
  const dir = await tempDir();
  const lines: LogLine[] = [];
  const log = recorder(lines);
  const calls: Call[] = [];
  const admission = new Admission(callsInFlight, () => {});
  const serve = rescue(log)(
    admission.layer((call) => {
      if (call.requestError !== undefined) throw call.requestError;
      calls.push(call);
      handle(call);
    }),
  );
  const limit = options.limit ?? limitFor('cri');
  const front = new Front({ clock, log, messageSizeBytes, callBudget: admission.budget, limit, serve });
  const server = net.createServer({ pauseOnConnect: true }, (socket) => front.accept(socket));
  await new Promise<void>((resolve) => server.listen(dir.file('s'), resolve));
  return {
    ...{ path: dir.file('s'), front, admission, calls, lines },
    async [Symbol.asyncDispose]() {
      front.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** The header block of a request for an RPC of the runtime service. */
export function requestBlock(rpc: string): Buffer {
  return block(
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', `/runtime.v1.RuntimeService/${rpc}`],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  );
}
