// The socket that clients connect to: made with the right mode and group, never taken from a living process, put back
// when somebody removes it, and removed at the end.
import net from 'node:net';
import type { Clock } from '../clock.ts';
import { findGroupId } from '../config/group-file.ts';
import { StartError } from '../errors.ts';
import { Repeater } from '../repeater.ts';
import type { Logger } from '../telemetry/log.ts';
import { SocketFile } from './socket-file.ts';

export interface ListenOptions {
  readonly socket: string;
  /** File mode bits, e.g. 0o660. */
  readonly mode: number;
  /** Name or number of the group that owns the socket; undefined leaves it as it is. */
  readonly group: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  onConnection(socket: net.Socket): void;
}

/** How often it is looked whether clients still find the socket. */
const LOOK_MS = 5_000;

/** A server and the file that leads to it. */
interface Door {
  readonly server: net.Server;
  readonly file: SocketFile;
}

/** Listens on the unix socket. Throws StartError when another process serves it, or it can't be made. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { socket, group } = options;
  try {
    const groupId = group === undefined ? undefined : groupIdOf(group);
    return new Listener(options, groupId, await openDoor(options, groupId));
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { message } = error as Error;
    throw new StartError(`cannot listen on ${socket}: ${message}`, {
      hint: 'Change listen.socket in the config',
      cause: error,
    });
  }
}

/** The listening socket. */
export class Listener {
  readonly #options: ListenOptions;
  readonly #groupId: number | undefined;
  readonly #repeater: Repeater;
  #door: Door;
  #look: Promise<void> | undefined;
  #trouble: string | undefined;
  #isClosed = false;

  constructor(options: ListenOptions, groupId: number | undefined, door: Door) {
    this.#options = options;
    this.#groupId = groupId;
    this.#door = door;
    this.#repeater = new Repeater(options.clock, LOOK_MS, () => {
      this.#look = this.#lookAtFile();
      return this.#look;
    });
  }

  /** Why clients do not find the socket; undefined while they do. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Takes no more connections and removes the socket file; open connections go on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#repeater.stop();
    await this.#look;
    await this.#door.file.remove();
    // Connections end on their own terms.
    this.#door.server.close();
  }

  async #lookAtFile(): Promise<void> {
    const { socket, log } = this.#options;
    const found = await this.#door.file.look();
    if (this.#isClosed) return;
    if (found === 'replaced') {
      this.#report(
        `another file is in the place of ${socket}`,
        'Remove what is there; Switchyard puts its own back within seconds',
      );
    } else if (found === 'missing') await this.#reopen();
    else if (this.#trouble !== undefined) {
      this.#trouble = undefined;
      log.info({ socket }, 'clients find the CRI socket again');
    }
  }

  /** A listening socket cannot get a name again, so it is replaced by another one. */
  async #reopen(): Promise<void> {
    const { socket, log } = this.#options;
    try {
      const door = await openDoor(this.#options, this.#groupId);
      this.#door.server.close();
      this.#door = door;
      this.#trouble = undefined;
      log.error(
        { socket, hint: 'Find out who removes it: clients could not connect meanwhile' },
        'the CRI socket was removed, and is made again',
      );
    } catch (error) {
      this.#report(
        `${socket} was removed and cannot be made again: ${(error as Error).message}`,
        'Mend that; Switchyard tries again every few seconds',
      );
    }
  }

  #report(reason: string, hint: string): void {
    const isKnown = this.#trouble === reason;
    this.#trouble = reason;
    if (!isKnown) this.#options.log.error({ reason, hint }, 'clients do not find the CRI socket');
  }
}

async function openDoor(options: ListenOptions, groupId: number | undefined): Promise<Door> {
  const { socket, mode, log } = options;
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, options.onConnection);
  try {
    const file = await SocketFile.make({
      ...{ socket, mode, groupId, setting: 'listen.socket' },
      listen: (draft) =>
        new Promise((resolve, reject) => {
          server.once('error', reject);
          server.listen({ path: draft, backlog: 4_096 }, resolve);
        }),
    });
    // Without a listener the second error of accept would end the process.
    server.on('error', (error) => log.error({ err: error }, 'a client could not be accepted'));
    return { server, file };
  } catch (error) {
    server.close();
    throw error;
  }
}

function groupIdOf(group: string): number {
  const id = findGroupId(group);
  if (id !== undefined) return id;
  throw new StartError(`there is no group ${group}`, {
    hint: 'Create it, or change listen.group in the config',
  });
}
