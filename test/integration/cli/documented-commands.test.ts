// Commands that the documents tell people to type, run as they stand there.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { listen } from '../../../src/proxy/listener.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { findTool } from '../../support/find-tool.ts';
import { recorder } from '../../support/proxy-world.ts';
import { tempDir } from '../../support/temp-dir.ts';

const OPERATIONS = path.resolve(import.meta.dirname, '../../../docs/operations');
const ADMIN = '127.0.0.1:9440';

/** The only command of a document that matches. */
function commandOf(name: string, pattern: RegExp): string {
  const found = [...readFileSync(path.join(OPERATIONS, name), 'utf8').matchAll(pattern)];
  expect(found, `${name} has such a command once`).toHaveLength(1);
  return `${found[0]?.[1]}`;
}

/** What it prints, to stdout and stderr. */
async function run(command: string): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command]);
  return stdout + stderr;
}

describe('the command that names who serves the CRI socket', () => {
  beforeEach(async (context) => {
    if ((await findTool('ss')) === undefined) context.skip('ss is not installed');
  });

  it('finds the process of that very socket, and no other socket of a Switchyard', async () => {
    await using dir = await tempDir();
    const socket = dir.file('cri.sock');
    const [one, other] = await Promise.all(
      [socket, dir.file('other.sock')].map((at) =>
        listen({
          ...{ socket: at, mode: 0o600, group: undefined, clock: new FakeClock(), log: recorder([]) },
          onConnection: () => undefined,
        }),
      ),
    );
    const command = commandOf('runbooks.md', /`(ss -xlp.*?)`/g);
    const printed = await run(command.replaceAll('/run/switchyard/cri.sock', socket));
    await Promise.all([one?.close(), other?.close()]);
    expect(printed.trim().split('\n')).toEqual([expect.stringContaining(`pid=${process.pid},`)]);
  });
});

describe('the command that waits until Switchyard is ready', () => {
  beforeEach(async (context) => {
    if ((await findTool('curl')) === undefined) context.skip('curl is not installed');
  });

  /** What is printed when Switchyard is ready after so many questions. */
  const print = async (questions: number) => {
    let asked = 0;
    const server = http.createServer((_, response) => {
      asked++;
      const isReady = asked > questions;
      response.writeHead(isReady ? 200 : 503).end(JSON.stringify({ isReady }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const command = commandOf('install.md', /^(curl .*--retry .*readyz)/gm);
    try {
      return await run(command.replaceAll(ADMIN, at).replace(/--retry \d+/, '--retry 1'));
    } finally {
      server.close();
    }
  };

  it('prints what it says then, and nothing before', async () => {
    expect(await print(1)).toBe('{"isReady":true}');
  });

  it('prints once why it is not ready when its patience is over', async () => {
    expect(await print(Number.POSITIVE_INFINITY)).toBe('{"isReady":false}');
  });
});
