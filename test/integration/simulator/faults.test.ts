// Scripted faults, the journal, and the coming and going of a simulated runtime.
import { existsSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { status as Code } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { startSimulatedRuntime } from '../../../src/simulator/runtime.ts';
import { CriClient } from '../../support/cri-client.ts';
import { codecOf } from '../../support/cri-codec.ts';
import { aPodSandboxConfig } from '../../support/cri-configs.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { leaveDuring, type Stage, stage } from './stage.ts';

const sandboxes = (at: Stage) => at.runtime.world.sandboxes.size;
const version = (at: Stage) => at.client.call('Version', {});
const isBack = (at: Stage) => until(() => version(at).then(Boolean, () => false), 'the runtime answers');

describe('a fault', () => {
  it('refuses calls of its RPC with the status, text and metadata it says', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('Version', {
      kind: 'refuse',
      status: 'RESOURCE_EXHAUSTED',
      message: 'too much · zu viel',
      metadata: { 'grpc-status-details-bin': Buffer.from([8, 8]) },
    });
    const reply = await at.client.rawCall(at.client.pathOf('Version'), Buffer.alloc(0));
    expect(reply).toMatchObject({ code: Code.RESOURCE_EXHAUSTED, details: 'too much · zu viel' });
    expect(reply.trailers.get('grpc-status-details-bin')).toEqual([Buffer.from([8, 8])]);
    await at.client.call('Status', {});
  });

  it('ends after the calls it is for, or when it is cleared', async () => {
    await using at = await stage('reference');
    const refusal = { kind: 'refuse', status: 'ABORTED', message: 'not now' } as const;
    at.runtime.faults.add('Version', refusal, { calls: 2 });
    await expect(version(at)).rejects.toMatchObject({ code: Code.ABORTED });
    await expect(version(at)).rejects.toMatchObject({ code: Code.ABORTED });
    await version(at);
    const forAll = at.runtime.faults.add('*', refusal);
    await expect(version(at)).rejects.toMatchObject({ code: Code.ABORTED });
    expect(forAll.hits).toBe(1);
    forAll.clear();
    await version(at);
  });

  it('delays a call by the clock', async () => {
    const clock = new FakeClock();
    await using at = await stage('reference', { clock });
    at.runtime.faults.add('RunPodSandbox', { kind: 'delay', delayMs: 5000 });
    const run = at.pod();
    await until(() => at.runtime.journal.length === 1, 'the call arrives');
    clock.advance(4999);
    await version(at);
    expect(sandboxes(at)).toBe(0);
    clock.advance(1);
    await run;
    expect(sandboxes(at)).toBe(1);
  });

  it('lets a call hang before it changes anything, until it is cleared', async () => {
    await using at = await stage('reference');
    const fault = at.runtime.faults.add('RunPodSandbox', { kind: 'hang' }, { calls: 1 });
    const run = at.pod();
    await until(() => at.runtime.journal.length === 1, 'the call arrives');
    expect(sandboxes(at)).toBe(0);
    fault.clear();
    await run;
    expect(sandboxes(at)).toBe(1);
  });

  it('lets a call hang after it did its work', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('RunPodSandbox', { kind: 'hang', when: 'after' });
    const run = at.pod();
    await until(() => sandboxes(at) === 1, 'the work is done');
    expect(at.runtime.journal[0]?.ended).toBeUndefined();
    at.runtime.faults.clear();
    await run;
    expect(sandboxes(at)).toBe(1);
  });

  it('drops a hanging call whose client left', async () => {
    await using at = await stage('reference');
    const fault = at.runtime.faults.add('RunPodSandbox', { kind: 'hang' });
    const config = aPodSandboxConfig();
    await leaveDuring(at, 'RunPodSandbox', (signal) =>
      at.client.call('RunPodSandbox', { config }, { signal }),
    );
    fault.clear();
    await version(at);
    expect(sandboxes(at)).toBe(0);
  });

  it('takes an RPC away as if the runtime had never had it', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('ListPodSandbox', { kind: 'unimplemented' });
    await expect(at.client.call('ListPodSandbox', {})).rejects.toMatchObject({
      code: Code.UNIMPLEMENTED,
      details: 'unknown method ListPodSandbox for service runtime.v1.RuntimeService',
    });
  });

  it('loses an answer: the state has changed, the connection is cut', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('RunPodSandbox', { kind: 'cut', when: 'after' }, { calls: 1 });
    await expect(at.pod()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(sandboxes(at)).toBe(1);
    expect(at.runtime.journal[0]?.ended).toBe('lost');
    await isBack(at);
    expect((await at.client.call('ListPodSandbox', {})).items).toHaveLength(1);
  });

  it('cuts a connection before the call did anything', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('RunPodSandbox', { kind: 'cut' }, { calls: 1 });
    await expect(at.pod()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(sandboxes(at)).toBe(0);
  });

  it('cuts a stream in the middle', async () => {
    await using at = await stage('reference');
    const messages = at.client.stream('GetContainerEvents', {});
    const first = messages.next();
    await until(() => at.runtime.world.events.subscribers === 1, 'the client subscribes');
    await at.pod();
    expect((await first).done).toBe(false);
    await messages.next();
    at.runtime.cut();
    await expect(messages.next()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
  });

  it('crashes the runtime, whose pods outlive it', async () => {
    await using at = await stage('reference');
    const id = await at.pod();
    at.runtime.faults.add('Version', { kind: 'crash' }, { calls: 1 });
    await expect(version(at)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(existsSync(at.runtime.socket)).toBe(true);
    await expect(at.client.call('Status', {})).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await at.runtime.restart();
    await isBack(at);
    expect((await at.client.call('ListPodSandbox', {})).items).toMatchObject([{ id, state: 0 }]);
  });

  it('adds metadata to a call that goes well', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('Version', {
      kind: 'metadata',
      initial: { 'x-head': 'h' },
      trailing: { 'x-tail-bin': Buffer.from([1]) },
    });
    const reply = await at.client.rawCall(at.client.pathOf('Version'), Buffer.alloc(0));
    expect(reply.headers.get('x-head')).toEqual(['h']);
    expect(reply.trailers.get('x-tail-bin')).toEqual([Buffer.from([1])]);
  });
});

describe('the journal', () => {
  it('keeps the bytes, metadata, deadline and end of each call in order', async () => {
    await using at = await stage('reference');
    const request = Buffer.concat([
      codecOf('Version').encode({ version: '0.1.0' }),
      Buffer.from([0x98, 0x06, 0x01]),
    ]);
    const metadata = { 'x-trace': 'abc', 'x-raw-bin': Buffer.from([0, 255]) };
    await at.client.rawCall(at.client.pathOf('Version'), request, { metadata, deadlineMs: 30_000 });
    await at.client.call('StopPodSandbox', { podSandboxId: 'x' });
    const [first, second] = at.runtime.journal;
    expect(first).toMatchObject({
      method: 'Version',
      service: 'runtime.v1.RuntimeService',
      path: '/runtime.v1.RuntimeService/Version',
      host: 'localhost',
      ended: 'OK',
    });
    expect(first?.requestBytes.equals(request)).toBe(true);
    expect(first?.metadata.get('x-trace')).toEqual(['abc']);
    expect(first?.metadata.get('x-raw-bin')).toEqual([Buffer.from([0, 255])]);
    expect((first?.deadlineMs ?? 0) - Date.now()).toBeGreaterThan(20_000);
    expect(second?.method).toBe('StopPodSandbox');
  });

  it('forgets the oldest calls beyond its limit', async () => {
    await using at = await stage('reference', { journalLimit: 2 });
    for (let nth = 0; nth < 5; nth++) await version(at);
    expect(at.runtime.journal.length).toBeLessThan(4);
    await using quiet = await stage('reference', { journalLimit: 0 });
    await version(quiet);
    expect(quiet.runtime.journal).toEqual([]);
  });

  it('keeps requests that do not parse, which the runtime refuses', async () => {
    await using at = await stage('reference');
    const reply = await at.client.rawCall(at.client.pathOf('Version'), Buffer.from([0x0a, 0xff]));
    expect(reply.code).toBe(Code.INTERNAL);
    expect(at.runtime.journal[0]?.ended).toBe('INTERNAL');
  });
});

describe('a simulated runtime', () => {
  it('takes over a socket file that was left behind', async () => {
    await using dir = await tempDir();
    writeFileSync(dir.file('cri.sock'), '');
    await using runtime = await startSimulatedRuntime({ profile: 'reference', socket: dir.file('cri.sock') });
    using client = new CriClient(runtime.socket);
    await client.call('Version', {});
  });

  it('removes its socket file when it closes, and leaves it when it crashes', async () => {
    await using at = await stage('reference');
    at.runtime.crash();
    expect(existsSync(at.runtime.socket)).toBe(true);
    const attempt = net.connect(at.runtime.socket);
    const refused = await new Promise((resolve) => attempt.once('error', resolve));
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
    await at.runtime.restart();
    await at.runtime.close();
    expect(existsSync(at.runtime.socket)).toBe(false);
    await at.runtime.close();
  });

  it('closes at once though a call hangs', async () => {
    await using at = await stage('reference');
    at.runtime.faults.add('*', { kind: 'hang' });
    const hanging = expect(version(at)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await until(() => at.runtime.journal.length === 1, 'the call arrives');
    await at.runtime.close();
    await hanging;
  });

  it('counts its connections', async () => {
    await using at = await stage('reference');
    await version(at);
    await at.another().call('Version', {});
    expect(at.runtime.connections).toBe(2);
    at.runtime.cut();
    await until(() => at.runtime.connections === 0, 'they are cut');
  });

  it('fails to start where there is no folder', async () => {
    await using dir = await tempDir();
    const start = startSimulatedRuntime({ profile: 'reference', socket: dir.file('none/cri.sock') });
    await expect(start).rejects.toMatchObject({ code: 'SWITCHYARD_START' });
  });
});
