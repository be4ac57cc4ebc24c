// A relay alone between a client and the streaming server of a runtime, on a clock that stands still.
import type { BackendConfig } from '../../../src/config/config.ts';
import type { StreamKind } from '../../../src/cri/methods.ts';
import { type StreamRelay, startStreamRelay } from '../../../src/streaming/stream-relay.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { limitFor } from '../../support/limit-for.ts';
import { type LogLine, recorder } from '../../support/proxy-world.ts';
import type { Certificate } from '../../support/self-signed.ts';
import { type StreamPeer, streamPeer } from '../../support/stream-peer.ts';

export interface RelayStage extends AsyncDisposable {
  readonly relay: StreamRelay;
  readonly peer: StreamPeer;
  readonly clock: FakeClock;
  readonly lines: readonly LogLine[];
  readonly metrics: Metrics;
  /** A URL of the relay for a stream at the peer. */
  url(kind?: StreamKind): string;
  /** A URL of the relay for any URL of a backend. */
  urlFor(given: string): string;
}

const CLIENT = {};
const BACKEND = { name: 'one', streamingBase: undefined } as BackendConfig;

export async function relayStage(
  certificate?: Certificate,
  streamsAtMost = 1_000,
  clientsAtMost = 10_000,
): Promise<RelayStage> {
  const peer = await streamPeer(certificate === undefined ? {} : { certificate });
  const clock = new FakeClock();
  const lines: LogLine[] = [];
  const metrics = new Metrics({
    backends: () => [],
    ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
    journal: () => ({ sizeBytes: 0, isFailing: false }),
    lostLogLines: () => 0,
  });
  const address = { host: '127.0.0.1', port: 0 };
  const log = recorder(lines);
  const relay = await startStreamRelay({
    address,
    clock,
    log,
    counts: metrics,
    limit: limitFor('streams', metrics, clientsAtMost),
    streamsAtMost,
  });
  const scheme = certificate === undefined ? 'http' : 'https';
  const urlFor = (given: string) => relay.urlOf('exec', BACKEND, given, CLIENT);
  return {
    relay,
    peer,
    clock,
    lines,
    metrics,
    urlFor,
    url: (kind = 'exec') =>
      relay.urlOf(kind, BACKEND, `${scheme}://127.0.0.1:${peer.port}/cri/${kind}/theirs?a=b`, CLIENT),
    async [Symbol.asyncDispose]() {
      relay.close();
      await peer[Symbol.asyncDispose]();
    },
  };
}
