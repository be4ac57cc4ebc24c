// A container runtime that turns hostile: it answers as an honest one up to the order to attack. It has one pod with one
// container, so that Switchyard knows ids which lead to it, and calls them itself through Switchyard all the while.
import net from 'node:net';
import { encodeVersionResponse } from '../../src/cri/own-messages.ts';
import { encodeField } from '../../src/cri/wire.ts';
import { HeaderReader } from '../../src/http2/header-reader.ts';
import { DEFAULT_LIMITS } from '../../src/http2/limits.ts';
import { END_STREAM, settings, TYPE } from '../support/http2-raw-peer.ts';
import type { BackendAttack } from './attack.ts';
import { AttackConnection, Counts } from './attack-connection.ts';
import { answerOf, callOf, errorOf, requestMessage, text, windowUpdate } from './attack-frames.ts';

const HOSTILE_POD = 'b'.repeat(64);
const HOSTILE_CONTAINER = 'c'.repeat(64);

const NAMES = Buffer.concat([text(1, 'hostile'), text(2, 'hostile-uid'), text(3, 'default')]);
const POD = Buffer.concat([text(1, HOSTILE_POD), encodeField(2, NAMES)]);
const CONTAINER = Buffer.concat([
  text(1, HOSTILE_CONTAINER),
  text(2, HOSTILE_POD),
  encodeField(3, text(1, 'hostile')),
]);

/** What an honest runtime would answer; RPCs that are not here are not served. */
const HONEST: Readonly<Record<string, Uint8Array>> = {
  Version: encodeVersionResponse('hostile', '1.0.0', 'v1'),
  Status: Buffer.alloc(0),
  ListPodSandbox: encodeField(1, POD),
  ListContainers: encodeField(1, CONTAINER),
  ContainerStatus: encodeField(1, CONTAINER),
  ListImages: Buffer.alloc(0),
  UpdateRuntimeConfig: Buffer.alloc(0),
};

/** Calls that lead to the hostile backend, as its accomplice makes them through Switchyard. */
const PROVOCATIONS = [
  callOf('ContainerStatus', requestMessage(text(1, HOSTILE_CONTAINER))),
  callOf('RunPodSandbox', requestMessage(encodeField(1, encodeField(1, NAMES)), text(2, 'hostile'))),
  callOf('CreateContainer', requestMessage(text(1, HOSTILE_POD))),
  callOf('ListContainers', requestMessage()),
];
const PROVOKED_EVERY_MS = 5;
const UNIMPLEMENTED = 12;

export class HostileBackend {
  private readonly attack: BackendAttack;
  private readonly counts: Counts;
  private readonly connections = new Set<AttackConnection>();
  private readonly server: net.Server;
  private endMs = 0;

  constructor(attack: BackendAttack, counts: Counts) {
    this.attack = attack;
    this.counts = counts;
    this.server = net.createServer((socket) => this.accept(socket));
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve) => this.server.listen(socketPath, resolve));
  }

  /** Attacks for so long, and has Switchyard at `switchyard` call it meanwhile. Then it is honest again. */
  async run(switchyard: string, durationMs: number): Promise<void> {
    this.endMs = performance.now() + durationMs;
    if (this.attack.reconnects ?? this.attack.hello !== undefined) this.cut();
    else for (const connection of this.connections) void this.sendBursts(connection);
    await provoke(switchyard, this.endMs);
    this.cut(); // an answer that was begun would be awaited
  }

  private cut(): void {
    for (const connection of this.connections) connection.destroy();
  }

  private get isAttacking(): boolean {
    return performance.now() < this.endMs;
  }

  private accept(socket: net.Socket): void {
    const connection = new AttackConnection(socket, this.connections.size, this.counts, true, true);
    this.connections.add(connection);
    const headers = new HeaderReader(DEFAULT_LIMITS);
    socket.on('close', () => {
      this.connections.delete(connection);
      if (this.isAttacking) this.counts.ended++;
    });
    const { attack } = this;
    const isAttack = this.isAttacking;
    const hello = isAttack ? attack.hello : undefined;
    connection.send(hello?.(connection) ?? [settings([3, 1000])]);
    const rpcs = new Map<number, string>();
    connection.onFrame = (type, flags, streamId, payload) => {
      if (type === TYPE.headers && headers.begin(flags, streamId, payload, 0, payload.length)) {
        const path = headers.list.find(({ name }) => name === ':path')?.value ?? '';
        rpcs.set(streamId, path.slice(path.lastIndexOf('/') + 1));
        if (this.isAttacking) this.answerHostile(streamId, rpcs, connection);
      }
      if (type === TYPE.data && payload.length > 0) connection.send([windowUpdate(0, payload.length)]);
      if ((flags & END_STREAM) !== 0 && type === TYPE.data) this.answerHonest(streamId, rpcs, connection);
    };
    if (isAttack) void this.sendBursts(connection);
  }

  /** As soon as the headers are there. */
  private answerHostile(streamId: number, rpcs: Map<number, string>, connection: AttackConnection): void {
    const hostile = this.attack.answer?.({ streamId, rpc: rpcs.get(streamId) ?? '' }, connection);
    if (hostile === undefined) return;
    rpcs.delete(streamId);
    connection.send(hostile);
  }

  /** When the request is whole. */
  private answerHonest(streamId: number, rpcs: Map<number, string>, connection: AttackConnection): void {
    const rpc = rpcs.get(streamId);
    if (rpc === undefined) return;
    rpcs.delete(streamId);
    const message = HONEST[rpc];
    connection.send(
      message === undefined ? errorOf(streamId, UNIMPLEMENTED, 'not served') : answerOf(streamId, message),
    );
    if (this.isAttacking && this.attack.hangsUp === true) connection.end();
  }

  private async sendBursts(connection: AttackConnection): Promise<void> {
    const { burst, everyMs = 0 } = this.attack;
    if (burst !== undefined) await connection.sendBursts(burst, everyMs, this.endMs);
  }
}

async function provoke(switchyard: string, endMs: number): Promise<void> {
  const connection = await AttackConnection.dial(switchyard, 0, new Counts(), true);
  if (connection === undefined) throw new Error('Switchyard takes no connection');
  connection.send(AttackConnection.hello);
  const burst = (to: AttackConnection) => PROVOCATIONS[to.bursts % PROVOCATIONS.length]?.(to.nextId());
  await connection.sendBursts(burst, PROVOKED_EVERY_MS, endMs);
  if (connection.isEnded) throw new Error('Switchyard ended the connection of an honest client');
  connection.destroy();
}
