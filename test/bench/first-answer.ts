// Start-up: the time from exec of a proxy to the first answered call through its socket.
import { rmSync } from 'node:fs';
import net from 'node:net';
import { ClientConnection } from '../../src/http2/client.ts';
import { Child, type Command } from './child.ts';
import { runSlice } from './slice.ts';
import { exchangesOf, VERSION } from './workloads.ts';

const ASK_AGAIN_MS = 1;
const GIVE_UP_MS = 15_000;

export interface Started {
  readonly child: Child;
  /** From before the process was made to the answer. */
  readonly firstAnswerMs: number;
}

/** Starts the program and asks for the Version through `socket` until that is answered rightly; throws when it never is. */
export function startUntilAnswered(command: Command, socket: string): Promise<Started> {
  return startUntil(command, socket, isVersionAnswered);
}

/** Starts the program and waits until it accepts connections on `socket`. */
export function startUntilAccepting(command: Command, socket: string): Promise<Started> {
  return startUntil(command, socket, () => Promise.resolve(true));
}

async function startUntil(
  command: Command,
  socket: string,
  isReady: (connected: net.Socket) => Promise<boolean>,
): Promise<Started> {
  rmSync(socket, { force: true });
  const startedAt = performance.now();
  const child = Child.start(command);
  for (;;) {
    const connected = await connect(socket);
    const ready = connected !== undefined && (await isReady(connected));
    const firstAnswerMs = performance.now() - startedAt;
    connected?.destroy();
    if (ready) return { child, firstAnswerMs };
    if (child.hasEnded || firstAnswerMs > GIVE_UP_MS) {
      await child.stop();
      throw new Error(`${command.program} ${command.args.join(' ')} never answered:\n${child.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

function connect(socket: string): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    connection.once('connect', () => resolve(connection));
    connection.once('error', () => resolve(undefined));
  });
}

async function isVersionAnswered(socket: net.Socket): Promise<boolean> {
  const connection = new ClientConnection(socket, {
    onReady: () => {},
    onSlot: () => {},
    onGoaway: () => {},
    onClose: () => {},
  });
  const result = await runSlice({
    workload: VERSION,
    exchanges: exchangesOf(VERSION),
    inFlight: 1,
    durationMs: 0,
    connections: [connection],
    comparesBytes: false,
  });
  connection.close();
  return result.errors.length === 0;
}
