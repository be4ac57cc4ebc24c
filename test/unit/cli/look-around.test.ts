// What the first look says of backends that it cannot reach.
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import { expect, test } from 'vitest';
import { lookAround } from '../../../src/cli/look-around.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { configText } from '../../support/config-problems.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('says in words of ours why a backend is not reached', async () => {
  await using dir = await tempDir();
  await writeFile(dir.file('regular'), '');
  const mute = net.createServer((socket) => socket.destroy()).listen(dir.file('ends.sock'));
  await using _mute = { [Symbol.asyncDispose]: async () => void mute.close() };
  const loaded = loadConfig(
    configText(`backends:
  - { name: a, endpoint: "${dir.file('nothing.sock')}", default: true }
  - { name: b, endpoint: "${dir.file('regular')}" }
  - { name: c, endpoint: "${dir.file('ends.sock')}" }
`),
    'c.yaml',
  );
  if (!('config' in loaded)) throw new Error('the config is refused');
  const views = await lookAround(loaded.config);
  const reasons = views.map((view) => (view.kind === 'silent' ? view.reason : view.kind));
  expect(reasons).toEqual([
    'there is no such socket',
    'nobody listens on it',
    expect.not.stringMatching(/No connection established|Resolution note|Last error/),
  ]);
});
