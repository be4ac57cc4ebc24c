// Errors that are longer than most header limits: a runtime writes the name it was asked for into its error, so an image
// name of 70,000 bytes gives one.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField } from '../../../src/cri/wire.ts';
import { HeaderClient } from '../../support/header-client.ts';
import { configOf, recorder } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const SANDBOX_ID = '5'.repeat(64);
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
/** What a client on C-core announces. */
const CORE_LIMIT_BYTES = 8192;
const text = (field: number, value: string) => encodeField(field, Buffer.from(value));

describe('an error of a backend', () => {
  let dir: TempDir;
  let backend: ScriptedBackend;
  let switchyard: Switchyard;

  beforeEach(async () => {
    dir = await tempDir();
    backend = await scriptedBackend(dir.file('one.sock'));
    backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
    backend.answer('ListPodSandbox', { messages: [encodeField(1, text(1, SANDBOX_ID))] });
    backend.answer('ListContainers', { messages: [Buffer.alloc(0)] });
    const config = configOf(dir, [{ name: 'one', profile: 'cri-o' }]);
    switchyard = await startSwitchyard({ config, log: recorder([]) });
    await until(() => backend.arrivals.length >= 3, 'the backend is known');
  });

  afterEach(async () => {
    await switchyard.close();
    await backend[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  it.each([
    ['collected', 'CreateContainer', 70_000],
    ['collected', 'CreateContainer', 4 * 1024 * 1024],
    ['relayed', 'PodSandboxStatus', 70_000],
    ['relayed', 'PodSandboxStatus', 4 * 1024 * 1024],
  ] as const)('in a %s call passes as it came: %s, %i bytes', async (_, rpc, sizeBytes) => {
    const details = `no such image: ${'n'.repeat(sizeBytes)}`;
    backend.answer(rpc, { code: NOT_FOUND, details });
    using client = new HeaderClient(switchyard.socket);
    const { code, message } = await client.call(rpc, { podSandboxId: SANDBOX_ID });
    expect(code).toBe(NOT_FOUND);
    expect(message === details).toBe(true);
  });

  it('over 16 MiB costs its own call, which says so, and no other', async () => {
    backend.answer('PodSandboxStatus', { code: NOT_FOUND, details: 'n'.repeat(17 * 1024 * 1024) });
    backend.answer('GetContainerEvents', { headers: { 'x-begins': '1' }, staysOpen: true });
    using client = new HeaderClient(switchyard.socket);
    const events = client.open('GetContainerEvents', {});
    await until(() => events.headers.length > 0, 'the stream of events has begun');
    const versionsBefore = backend.arrivals.filter(({ path }) => path.endsWith('/Version')).length;
    const { code, message } = await client.call('PodSandboxStatus', { podSandboxId: SANDBOX_ID });
    expect(message).toBe(
      'switchyard: backend one broke off PodSandboxStatus: its headers have more than 16777216 bytes or 10000 fields',
    );
    expect(code).toBe(RESOURCE_EXHAUSTED);
    expect(events.abort).toBeUndefined();
    // A lost connection would have been probed anew.
    expect(backend.arrivals.filter(({ path }) => path.endsWith('/Version')).length).toBe(versionsBefore);
  });

  it('behind long headers of an answer that does not end is not waited for', async () => {
    backend.answer('PodSandboxStatus', { headers: { 'x-long': 'h'.repeat(66_000) }, staysOpen: true });
    using client = new HeaderClient(switchyard.socket);
    const { code, message } = await client.call('PodSandboxStatus', { podSandboxId: SANDBOX_ID });
    expect(message).toBe(
      'switchyard: backend one broke off PodSandboxStatus: its headers have more than 65536 bytes or 256 fields without ending the stream',
    );
    expect(code).toBe(RESOURCE_EXHAUSTED);
  });

  it('is shortened to what the client takes, and says so; what else the client has open goes on', async () => {
    backend.answer('PodSandboxStatus', {
      code: NOT_FOUND,
      details: `no such pod: ${'n'.repeat(20_000)}`,
      trailers: { 'grpc-status-details-bin': Buffer.alloc(9_000) },
    });
    backend.answer('GetContainerEvents', { headers: { 'x-begins': '1' }, staysOpen: true });
    using client = new HeaderClient(switchyard.socket, CORE_LIMIT_BYTES);
    const events = client.open('GetContainerEvents', {});
    await until(() => events.headers.length > 0, 'the stream of events has begun');
    const reply = await client.call('PodSandboxStatus', { podSandboxId: SANDBOX_ID });
    expect(reply.code).toBe(NOT_FOUND);
    expect(reply.message).toMatch(
      /^no such pod: n+ \[switchyard: shortened from 20013 bytes; left out grpc-st/,
    );
    expect(reply.listBytes).toBeLessThanOrEqual(CORE_LIMIT_BYTES);
    expect(events.abort).toBeUndefined();
  });

  it.each([
    ['collected', 'CreateContainer'],
    ['relayed', 'PodSandboxStatus'],
  ] as const)('cannot be told behind headers that a client does not take, in a %s call', async (_, rpc) => {
    backend.answer(rpc, { headers: { 'x-long': 'h'.repeat(9_000) }, messages: [Buffer.alloc(0)] });
    using client = new HeaderClient(switchyard.socket, CORE_LIMIT_BYTES);
    const { code, message } = await client.call(rpc, { podSandboxId: SANDBOX_ID });
    expect(code).toBe(RESOURCE_EXHAUSTED);
    expect(message).toBe(
      `switchyard: the headers of the backend's answer to ${rpc} are over the 8192 bytes that this client takes`,
    );
  });
});
