// Who calls and who answers in a run: the light peers, or the same on grpc-go, which the bench compiles where Go and
// grpc-go are installed. Both pairs take the same questions, send the same bytes and check the same answers.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PREFIX_BYTES } from '../../src/grpc/message.ts';
import {
  cannedContainers,
  cannedSandboxes,
  cannedSandboxStatus,
  cannedStatus,
  cannedVersion,
  SANDBOX_COUNT,
  sandboxId,
} from './canned.ts';
import type { Command } from './child.ts';
import type { PeersName } from './options.ts';
import { CELLS, exchangesOf, LIST_PATH, servicePath, stringField } from './workloads.ts';

export interface Peers {
  /** What they are, in a few words. */
  readonly about: string;
  readonly client: Command;
  backend(index: number, socket: string): Command;
}

/** Where Debian's packages of Go libraries are. */
const GO_LIBRARIES = '/usr/share/gocode';

/** The peers of this name, or why this machine cannot have them. */
export function findPeers(name: PeersName, programsDir: string): Peers | { readonly reason: string } {
  if (name === 'grpc-go') return grpcGoPeers(programsDir);
  const bundled = (file: string, ...args: string[]): Command => ({
    program: process.execPath,
    args: [path.join(programsDir, file), ...args],
    talk: 'ipc',
  });
  return {
    about: "light, on the project's own HTTP/2",
    client: bundled('load-client.mjs'),
    backend: (index, socket) => bundled('backend.mjs', socket, String(index)),
  };
}

function grpcGoPeers(dir: string): Peers | { readonly reason: string } {
  const program = path.join(dir, 'grpc-go-peers');
  if (!isGrpcGoInstalled())
    return { reason: 'install the Debian packages golang-go and golang-google-grpc-dev' };
  const version = compileGrpcGo(path.join(dir, 'grpc-go'), program);
  const workloads = new Set(CELLS.map((cell) => cell.workload));
  const exchanges = [...workloads].map((workload) => [
    workload.name,
    exchangesOf(workload).map(({ request, replies }) => ({
      Request: base64(request.subarray(PREFIX_BYTES)),
      Replies: replies.map((reply) => base64(reply.subarray(PREFIX_BYTES))),
    })),
  ]);
  const command = (...args: string[]): Command => ({ program, args, talk: 'lines' });
  return {
    about: `grpc-go ${version}, as kubelets and container runtimes are made`,
    client: command('client', written(path.join(dir, 'exchanges.json'), Object.fromEntries(exchanges))),
    backend: (index, socket) => {
      const lists = [...workloads].flatMap(({ containers = 0 }) => [containers]);
      const answers = {
        Replies: repliesOf(index),
        ListPath: LIST_PATH,
        Lists: Object.fromEntries(lists.map((count) => [count, base64(cannedContainers(index, count))])),
      };
      return command('backend', written(path.join(dir, `answers-${index}.json`), answers), socket);
    },
  };
}

/** What backend.ts answers, all lists of containers apart. */
function repliesOf(backend: number): { Path: string; Request: string; Reply: string }[] {
  const reply = (rpc: string, request: Uint8Array, message: Uint8Array) => ({
    Path: servicePath(rpc),
    Request: base64(request),
    Reply: base64(message),
  });
  const any = Buffer.alloc(0);
  return [
    reply('Version', any, cannedVersion(backend)),
    reply('Status', any, cannedStatus()),
    reply('ListPodSandbox', any, cannedSandboxes(backend, '')),
    ...Array.from({ length: SANDBOX_COUNT }, (_, index) =>
      reply('PodSandboxStatus', stringField(sandboxId(backend, index)), cannedSandboxStatus(backend, index)),
    ),
  ];
}

/** Whether this machine has Go and grpc-go. */
export function isGrpcGoInstalled(): boolean {
  const hasCompiler = spawnSync('go', ['version']).status === 0;
  return hasCompiler && existsSync(path.join(GO_LIBRARIES, 'src/google.golang.org/grpc'));
}

/** Compiles the program from the sources in `folder` and returns the version of grpc-go in it. */
export function compileGrpcGo(folder: string, program: string): string {
  // Without modules Go takes libraries from the path alone and asks no proxy for them.
  const env = {
    GOCACHE: path.join(tmpdir(), 'switchyard-bench-go'),
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: GO_LIBRARIES,
  };
  execFileSync('go', ['build', '-o', program, '.'], { cwd: folder, env, stdio: 'pipe' });
  return execFileSync(program, ['version'], { encoding: 'utf8' }).trim();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function written(file: string, value: unknown): string {
  writeFileSync(file, JSON.stringify(value));
  return file;
}
