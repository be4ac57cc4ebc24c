// The socket that clients connect to: made with the right mode and group, never taken from a living process,
// and removed at the end.
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { StartError } from '../errors.ts';
import { SocketFile } from './socket-file.ts';

export interface ListenOptions {
  readonly socket: string;
  /** File mode bits, e.g. 0o660. */
  readonly mode: number;
  /** Name or number of the group that owns the socket; undefined leaves it as it is. */
  readonly group: string | undefined;
  onConnection(socket: net.Socket): void;
  /** Connections could not be accepted; it goes on listening. */
  onError(error: Error): void;
}

export interface Listener {
  /** Takes no more connections and removes the socket file; open connections go on. */
  close(): Promise<void>;
}

/** Listens on the unix socket. Throws StartError when another process serves it, or it can't be made. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { socket, mode, group } = options;
  const groupId = group === undefined ? undefined : await groupIdOf(group);
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
    server.on('error', options.onError);
    return {
      close: async () => {
        await file.remove();
        // Connections end on their own terms.
        server.close();
      },
    };
  } catch (error) {
    server.close();
    if (error instanceof StartError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot listen on ${socket}: ${text}`, { cause: error });
  }
}

async function groupIdOf(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const lines = (await readFile('/etc/group', 'utf8')).split('\n');
  const id = lines.map((line) => line.split(':')).find(([name]) => name === group)?.[2];
  if (id === undefined) {
    throw new StartError(`there is no group ${group}`, {
      hint: 'Create it, or change listen.group in the config',
    });
  }
  return Number(id);
}
