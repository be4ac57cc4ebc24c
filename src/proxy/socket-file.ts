// The file of a unix socket that clients find: never taken from a living process, never open to more than it should be,
// and at the end removed only if it is still ours.
import { chmod, chown, link, lstat, mkdtemp, rename, rmdir, unlink } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { StartError } from '../errors.ts';
import { makeDirectory } from '../made-directory.ts';
import { OpenDirectory } from '../open-directory.ts';

export interface SocketFileOptions {
  /** Where it is to be. */
  readonly socket: string;
  /** File mode bits, e.g. 0o660. */
  readonly mode: number;
  /** The group it is given to; undefined leaves it as it is. */
  readonly groupId?: number | undefined;
  /** The key of the config that names it, for messages. */
  readonly setting: string;
  /** Has a server listen on a path; rejects when it can't. */
  readonly listen: (socket: string) => Promise<void>;
}

export class SocketFile {
  readonly #socket: string;
  readonly #dev: number;
  readonly #ino: number;

  private constructor(socket: string, { dev, ino }: { readonly dev: number; readonly ino: number }) {
    this.#socket = socket;
    this.#dev = dev;
    this.#ino = ino;
  }

  /**
   * Has the server listen in a directory that nobody else can enter, gives the socket its group and mode there, and only
   * then links it to where clients look: under its name it never has another mode, whatever the umask. Besides, a server
   * that closes removes what has the name that it listened on, whosesoever that is; that name is gone then. Throws
   * StartError when another process serves the socket, or it can't be made.
   */
  static async make(options: SocketFileOptions): Promise<SocketFile> {
    const { socket, setting } = options;
    const hidden = await makeHidden(socket, setting);
    const open = new OpenDirectory(hidden);
    const draft = open.path(path.basename(hidden));
    try {
      await options.listen(draft);
      if (options.groupId !== undefined) await giveTo(options.groupId, draft, socket);
      await chmod(draft, options.mode);
      const made = await lstat(draft);
      await removeStale(socket, setting);
      await publish(draft, socket, setting);
      return new SocketFile(socket, made);
    } finally {
      await unlink(draft).catch(() => {});
      open.close();
      await rmdir(hidden);
    }
  }

  /** Whether clients find it: it is there, its name is free, or something else has the name. */
  async look(): Promise<'there' | 'missing' | 'replaced'> {
    const found = await lstat(this.#socket).catch((error: NodeJS.ErrnoException) => error.code);
    if (typeof found !== 'object') return found === 'ENOENT' || found === 'ENOTDIR' ? 'missing' : 'there';
    return found.dev === this.#dev && found.ino === this.#ino ? 'there' : 'replaced';
  }

  /** Removes it, if what is there now is still the one that was made. Never rejects: the next start replaces it. */
  async remove(): Promise<void> {
    const found = await lstat(this.#socket).catch(() => undefined);
    if (found?.dev === this.#dev && found.ino === this.#ino) await unlink(this.#socket).catch(() => {});
  }
}

/** A directory beside the socket that nobody else can enter. */
async function makeHidden(socket: string, setting: string): Promise<string> {
  const dir = path.dirname(socket);
  try {
    makeDirectory(dir, 0o755);
    return await mkdtemp(path.join(dir, '.switchyard-'));
  } catch (error) {
    throw new StartError(`cannot listen on ${socket}: ${reasonOf(error)}`, {
      hint: `${isDenied(error) ? 'Run Switchyard as root, or change' : 'Change'} ${setting} in the config`,
      cause: error,
    });
  }
}

async function giveTo(groupId: number, draft: string, socket: string): Promise<void> {
  try {
    await chown(draft, process.getuid?.() ?? -1, groupId);
  } catch (error) {
    throw new StartError(`${socket} cannot be given to group ${groupId}: ${reasonOf(error)}`, {
      hint: 'Run Switchyard as root or as a member of that group, or change listen.group in the config',
      cause: error,
    });
  }
}

function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

/** Without the system call and the inner paths. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isDenied(error)) return 'permission denied';
  if (code === 'EROFS') return 'the filesystem is read-only';
  if (code === 'ENOENT') return 'its directory cannot be made';
  return message;
}

/** Never over another one that was put there meanwhile. */
async function publish(draft: string, socket: string, setting: string): Promise<void> {
  try {
    await link(draft, socket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyServed(socket, setting);
    await rename(draft, socket); // a filesystem without links
  }
}

/** A socket of a process that is gone is removed. One that answers, or that is no socket at all, is left alone. */
async function removeStale(socket: string, setting: string): Promise<void> {
  const file = await lstat(socket).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new StartError(`${socket} exists and is not a socket`, {
      hint: `Move it away, or change ${setting}`,
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
  if (refusal === undefined) throw alreadyServed(socket, setting);
  if (refusal === 'ENOENT') return;
  if (refusal === 'EPROTOTYPE')
    throw new StartError(`${socket} is the socket of another program: not a stream socket`, {
      hint: `Stop that program and remove it, or change ${setting}`,
    });
  if (refusal !== 'ECONNREFUSED') {
    const why = refusal === 'EACCES' ? 'permission denied' : refusal;
    throw new StartError(`cannot tell whether ${socket} is still served: ${why}`, {
      hint: `Run Switchyard as root, or remove the file if nothing serves it, or change ${setting}`,
    });
  }
  // Not one that somebody else has put there since.
  const now = await lstat(socket).catch(() => undefined);
  if (now?.ino === file.ino) await unlink(socket);
}

function alreadyServed(socket: string, setting: string): StartError {
  return new StartError(`another process already serves ${socket}`, {
    hint: `Stop it first, or give this one another ${setting} in its config`,
  });
}
