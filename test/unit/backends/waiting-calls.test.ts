import { describe, expect, it } from 'vitest';
import { BackendCall, type BackendRequest } from '../../../src/backends/backend-call.ts';
import { UnaryCall } from '../../../src/backends/unary-call.ts';
import { WaitingCalls } from '../../../src/backends/waiting-calls.ts';

class Recorded extends BackendCall {
  refusal: Error | undefined;
  override onHeaders(): void {}
  override onData(): void {}
  override onAborted(): void {}
  override onRefused(error: Error): void {
    this.isOver = true;
    this.refusal = error;
  }
}

const request = (text: string): BackendRequest => {
  const body = Buffer.from(`..${text}`);
  return {
    ...{ service: 'RuntimeService', rpc: 'Version', metadata: [], clientCalls: 1, deadlineAtMs: undefined },
    ...{ body, start: 2, end: body.length },
  };
};

function waitingCalls() {
  const errors: unknown[] = [];
  const waiting = new WaitingCalls((error) => errors.push(error));
  const sent: string[] = [];
  const send = (_call: BackendCall, { body, start, end }: BackendRequest) =>
    sent.push(body.toString('latin1', start, end));
  return { waiting, sent, send, errors };
}

describe('calls that wait for a backend', () => {
  it('are sent in their order, as far as there are slots', () => {
    const { waiting, sent, send } = waitingCalls();
    for (const text of ['a', 'bb', 'ccc']) waiting.push(new Recorded(), request(text));
    expect([waiting.count, waiting.sizeBytes]).toEqual([3, 6]);
    waiting.drain(() => sent.length < 2, send);
    expect([sent, waiting.count, waiting.sizeBytes]).toEqual([['a', 'bb'], 1, 3]);
  });

  it('leave with their bytes as soon as nobody wants them any more', () => {
    const { waiting, sent, send } = waitingCalls();
    const cancelled = new Recorded();
    const abandoned = new UnaryCall('a', 100, () => {});
    waiting.push(new Recorded(), request('first'));
    waiting.push(cancelled, request('cancelled'));
    waiting.push(abandoned, request('abandoned'));
    cancelled.cancel();
    abandoned.abandon(new Error('time is over'));
    expect([waiting.count, waiting.sizeBytes]).toEqual([1, 5]);
    waiting.drain(() => true, send);
    expect([sent, waiting.count, waiting.sizeBytes]).toEqual([['first'], 0, 0]);
  });

  it('are refused together, and one that is tried again meanwhile waits anew', () => {
    const { waiting } = waitingCalls();
    const again = new Recorded();
    const retrying = new Recorded();
    retrying.onRefused = () => waiting.push(again, request('again'));
    const calls = [new Recorded(), retrying, new Recorded()];
    for (const call of calls) waiting.push(call, request('x'));
    waiting.refuse(() => new Error('gone'));
    expect(calls.map(({ refusal }) => refusal?.message)).toEqual(['gone', undefined, 'gone']);
    expect([waiting.count, waiting.sizeBytes, again.refusal]).toEqual([1, 5, undefined]);
  });

  it('are each refused or sent, though one throws when it hears of it', () => {
    const { waiting, sent, send, errors } = waitingCalls();
    const broken = new Recorded();
    broken.onRefused = () => {
      throw new Error('a bug');
    };
    const [first, last] = [new Recorded(), new Recorded()];
    waiting.pushFirst(broken, request('own'));
    for (const call of [first, broken, last]) waiting.push(call, request('x'));
    waiting.refuse(() => new Error('gone'));
    expect([first, last].map(({ refusal }) => refusal?.message)).toEqual(['gone', 'gone']);
    expect([waiting.count, waiting.sizeBytes, errors.length]).toEqual([0, 0, 2]);

    for (const call of [broken, new Recorded()])
      waiting.push(call, request(call === broken ? 'bad' : 'good'));
    waiting.drain(
      () => true,
      (call, message) => {
        if (call === broken) throw new Error('a bug');
        send(call, message);
      },
    );
    expect([sent, waiting.count, errors.length]).toEqual([['good'], 0, 3]);
  });
});
