// The socket that clients connect to: made with the right mode and group, never taken from a living process,
// and removed at the end.
import { chmod, chown, lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { StartError } from '../errors.ts';

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
  await mkdir(path.dirname(socket), { recursive: true });
  const groupId = group === undefined ? undefined : await groupIdOf(group);
  await removeStale(socket);
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, options.onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StartError(`cannot listen on ${socket}: ${error.message}`, { cause: error })),
    );
    // Nobody else gets in between listen and chmod: a umask would be the whole process's.
    server.listen({ path: socket, backlog: 4_096 }, resolve);
  });
  // Without a listener the second error of accept would end the process.
  server.on('error', options.onError);
  await chmod(socket, mode);
  if (groupId !== undefined) await chown(socket, process.getuid?.() ?? -1, groupId);
  return {
    close: () =>
      new Promise((resolve) => {
        // Closing a unix server removes its file. It resolves at once: connections end on their own terms.
        server.close();
        resolve();
      }),
  };
}

/** A socket of a process that is gone is removed. One that answers, or that is no socket at all, is left alone. */
async function removeStale(socket: string): Promise<void> {
  const file = await lstat(socket).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new StartError(`${socket} exists and is not a socket`, {
      hint: 'Move it away, or change listen.socket',
    });
  }
  const refusal = await new Promise<string | undefined>((resolve) => {
    const probe = net.connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  if (refusal === undefined) {
    throw new StartError(`another process already serves ${socket}`, {
      hint: 'Stop it first, or give this one another listen.socket in its config',
    });
  }
  if (refusal === 'ENOENT') return;
  if (refusal !== 'ECONNREFUSED')
    throw new StartError(`cannot tell whether ${socket} is still served: ${refusal}`);
  await unlink(socket);
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
