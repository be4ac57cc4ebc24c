// The attacks on a server, played on other servers of HTTP/2 as well: what they cost each of them, as a table. Bundled
// and started by `npm run hostile -- --peers`.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeVersionResponse } from '../../src/cri/own-messages.ts';
import { encodeField } from '../../src/cri/wire.ts';
import { Child, type Command } from '../bench/child.ts';
import { haproxyCommand, haproxyVersion } from '../bench/contenders/haproxy.ts';
import { switchyardCommand, writeSwitchyardConfig } from '../bench/contenders/switchyard.ts';
import { compileGrpcGo, isGrpcGoInstalled } from '../bench/peers.ts';
import { cpuTimeNs, memoryOf } from '../bench/process-figures.ts';
import { servicePath } from '../bench/workloads.ts';
import { findTool } from '../support/find-tool.ts';
import { freePort } from '../support/free-port.ts';
import { tempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';
import type { ClientAttack } from './attack.ts';
import { text } from './attack-frames.ts';
import { AttackerProcess } from './attacker-process.ts';
import { ATTACKS } from './attacks.ts';
import { PlainClient } from './plain-client.ts';

const MIB = 1024 * 1024;

/** A server to be attacked: started anew for each attack. */
interface Target {
  readonly name: string;
  /** Its version, or what it is. */
  readonly about: string;
  start(dir: string): Promise<{ readonly command: Command; readonly address: string }>;
}

interface Figures {
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  readonly calls: number;
  readonly failed: number;
}

/** Plays every attack whose name holds `only` on every server that this machine has, and prints the table. */
export async function comparePeers(programsDir: string, durationMs: number, only: string): Promise<void> {
  await using dir = await tempDir();
  const attacks = ATTACKS.filter(
    ({ attacker, name }) => attacker === 'client' && name.includes(only),
  ) as ClientAttack[];
  const backendSocket = dir.file('backend.sock');
  const grpcGo = grpcGoCommand(programsDir, dir.path);
  const backend = Child.start(grpcGo.command(backendSocket));
  await until(() => existsSync(backendSocket), 'the backend serves');
  const targets = [
    switchyard(programsDir, backendSocket),
    ...(haproxyVersion() === undefined ? [] : [haproxy(backendSocket)]),
    {
      name: 'grpc-go',
      about: grpcGo.version,
      start: async (at: string) => ({
        command: grpcGo.command(path.join(at, 's')),
        address: path.join(at, 's'),
      }),
    },
    ...((await findTool('nghttpd')) === undefined ? [] : [nghttpd]),
  ];
  process.stdout.write(
    `| attack | ${targets.map(({ name, about }) => `${name} (${about})`).join(' | ')} |\n`,
  );
  process.stdout.write(`|---|${'---|'.repeat(targets.length)}\n`);
  for (const attack of attacks) {
    const cells: string[] = [];
    for (const target of targets) cells.push(cellOf(await play(attack, target, programsDir, durationMs)));
    process.stdout.write(`| ${attack.name} | ${cells.join(' | ')} |\n`);
  }
  await backend.stop();
}

function cellOf({ cpuSeconds, peakMiB, calls, failed }: Figures): string {
  return `${cpuSeconds.toFixed(2)} s, ${peakMiB} MiB, ${failed}/${calls}`;
}

async function play(
  attack: ClientAttack,
  target: Target,
  programsDir: string,
  durationMs: number,
): Promise<Figures> {
  await using dir = await tempDir();
  const { command, address } = await target.start(dir.path);
  const server = Child.start(command);
  try {
    await until(() => PlainClient.isServed(address), `${target.name} serves`);
    using attacker = await AttackerProcess.start(path.join(programsDir, 'attacker.mjs'), attack, address);
    const client = new PlainClient(address);
    await client.call();
    const cpuBefore = cpuTimeNs(server.pid);
    client.begin();
    await attacker.attack(durationMs);
    const cpuSeconds = (cpuTimeNs(server.pid) - cpuBefore) / 1e9;
    await client.end();
    const peakMiB = Math.round(memoryOf(server.pid).peakBytes / MIB);
    return { cpuSeconds, peakMiB, calls: client.calls, failed: client.failed };
  } finally {
    await server.stop();
  }
}

function switchyard(programsDir: string, backendSocket: string): Target {
  return {
    name: 'Switchyard',
    about: `Node ${process.versions.node}`,
    start: async (dir) => {
      const address = path.join(dir, 's');
      const config = writeSwitchyardConfig(dir, 'sy', address, [backendSocket]);
      return { command: switchyardCommand(path.join(programsDir, 'dist/main.js'), config), address };
    },
  };
}

function haproxy(backendSocket: string): Target {
  return {
    name: 'HAProxy',
    about: haproxyVersion() ?? '',
    start: async (dir) => ({
      command: haproxyCommand(dir, path.join(dir, 's'), backendSocket),
      address: path.join(dir, 's'),
    }),
  };
}

/** It knows no unix sockets, and no gRPC: its answer is a 404, which serves as well here. */
const nghttpd: Target = {
  name: 'nghttpd',
  about: 'nghttp2',
  start: async (dir) => {
    const address = String(await freePort());
    const args = ['--no-tls', '--address=127.0.0.1', `--htdocs=${dir}`, address];
    return { command: { program: 'nghttpd', args }, address };
  },
};

/** The backend of the bench on grpc-go: answers Version, and a list of sandboxes of 256 KiB. */
function grpcGoCommand(
  programsDir: string,
  dir: string,
): { version: string; command(socket: string): Command } {
  if (!isGrpcGoInstalled())
    throw new Error('install the Debian packages golang-go and golang-google-grpc-dev');
  const program = path.join(dir, 'grpc-go-peers');
  const version = compileGrpcGo(path.join(programsDir, 'grpc-go'), program);
  const reply = (rpc: string, message: Uint8Array) => ({
    Path: servicePath(rpc),
    Request: '',
    Reply: Buffer.from(message).toString('base64'),
  });
  const list = encodeField(1, text(1, 'a'.repeat(256 * 1024)));
  const answers = {
    Replies: [reply('Version', encodeVersionResponse('go', '1', 'v1')), reply('ListPodSandbox', list)],
    ListPath: '/none',
    Lists: {},
  };
  const file = path.join(dir, 'answers.json');
  writeFileSync(file, JSON.stringify(answers));
  return { version, command: (socket) => ({ program, args: ['backend', file, socket], talk: 'lines' }) };
}
