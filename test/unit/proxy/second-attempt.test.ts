// A call whose answer was lost, or that its backend did not take: whether it is made again, and what is known of it then.
import http2 from 'node:http2';
import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import type { UnaryOutcome } from '../../../src/backends/unary-call.ts';
import { systemClock } from '../../../src/clock.ts';
import type { Call } from '../../../src/proxy/call.ts';
import { collect, isUntouched, replyWith } from '../../../src/proxy/collect.ts';
import { relay } from '../../../src/proxy/relay.ts';
import { CriClient } from '../../support/cri-client.ts';
import { frontWorld } from '../../support/front-world.ts';
import { answerVersion, answerWith, type Http2Call, http2Backend } from '../../support/http2-backend.ts';
import { loneBackend } from '../../support/lone-backend.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const LIMIT_BYTES = 1_000;
const ENOUGH = 5;

/** A ready backend; what it does with each call but Version is the test's, and `handle` is how its client's calls are made. */
async function backendWorld(play: (call: Http2Call) => void, handle: (call: Call, backend: Backend) => void) {
  const dir = await tempDir();
  const runtime = await http2Backend(dir.file('one.sock'), (call) =>
    call.rpc === 'Version' ? answerVersion(call) : play(call),
  );
  const backend = loneBackend(dir, systemClock);
  backend.start();
  await until(() => backend.state.kind === 'ready', 'the backend is ready');
  const front = await frontWorld({ handle: (call) => handle(call, backend) });
  const client = new CriClient(front.path);
  return {
    client,
    runtime,
    calls: () => runtime.paths.filter((path) => !path.endsWith('/Version')).length,
    async [Symbol.asyncDispose]() {
      client.close();
      backend.stop();
      await front[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

const lose = ({ stream }: Http2Call) => stream.session?.destroy();
const refuse = ({ stream }: Http2Call) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);

it.each([
  { loss: 'is lost with its connection', isRetryable: true, play: lose, calls: 2 },
  { loss: 'is lost with its connection', isRetryable: false, play: lose, calls: 1 },
  { loss: 'is not taken', isRetryable: false, play: refuse, calls: 2 },
])('a relayed call (retryable: $isRetryable) that $loss each time is made $calls times', async (row) => {
  await using world = await backendWorld(
    (call) => (world.calls() < ENOUGH ? row.play(call) : answerWith(call, new Uint8Array(0))),
    (call, backend) => relay(call, backend, { isRetryable: row.isRetryable, limitBytes: LIMIT_BYTES }),
  );
  const { client } = world;
  const { code } = await client.rawCall(client.pathOf('PodSandboxStatus'), Buffer.alloc(0));
  expect([code, world.calls()]).toEqual([status.UNAVAILABLE, row.calls]);
});

it.each([
  { first: 'lost', second: 'not taken', plays: [lose, refuse], mayBeDone: true },
  { first: 'not taken', second: 'lost', plays: [refuse, lose], mayBeDone: true },
  { first: 'not taken', second: 'not taken', plays: [refuse, refuse], mayBeDone: false },
  { first: 'lost', second: 'not made, as nobody listens', plays: ['leave'] as const, mayBeDone: true },
])('a call that is $first, and then $second, may be done: $mayBeDone', async ({ plays, mayBeDone }) => {
  const outcomes: UnaryOutcome[] = [];
  await using world = await backendWorld(
    (call) => {
      const play = plays[world.calls() - 1];
      if (play === 'leave') void world.runtime[Symbol.asyncDispose]();
      else play?.(call);
    },
    (call, backend) =>
      collect(call, backend, { body: call.body, limitBytes: LIMIT_BYTES, isRetryable: true }, (outcome) => {
        outcomes.push(outcome);
        replyWith(call, backend, outcome);
      }),
  );
  const { client } = world;
  const { code } = await client.rawCall(client.pathOf('RemoveContainer'), Buffer.alloc(0));
  expect([code, world.calls()]).toEqual([status.UNAVAILABLE, plays.length]);
  expect(outcomes.map(isUntouched)).toEqual([!mayBeDone]);
});
