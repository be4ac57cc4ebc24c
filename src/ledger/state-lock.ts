// One Switchyard for a state directory: of two that write one journal, each would lose what the other has on record.
import {
  chmodSync,
  fstatSync,
  lstatSync,
  readdirSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import net from 'node:net';
import { type Clock, sleep } from '../clock.ts';
import { StartError } from '../errors.ts';
import { OpenDirectory } from '../open-directory.ts';
import { prepareStateDirectory } from './state-directory.ts';

/** A state directory that is ours alone. */
export interface StateLock {
  /** What people should know about the directory, as sentences without a full stop. Empty when all is well. */
  readonly remarks: readonly string[];
  /** Whether it still is in the directory of that name: false when either was removed. */
  isThere(): boolean;
  /** May be called again. */
  release(): void;
}

/** How long to wait for others that want the lock at the same moment to make up their minds, and how often to look. */
const RIVALS_MS = 5_000;
const LOOK_AGAIN_MS = 5;

/** Modes of a lock's socket. That of its holder differs, for all to see. */
const WANTED = 0o600;
const HELD = 0o700;

const LOCK_NAME = /^lock\.[0-9a-f]{16}$/;
const NEW_NAME = /^lock\.[0-9a-f]{16}\.new$/;

/** Codes that say that nothing can be written there: then there is no journal either that a lock would protect. */
const NOT_WRITABLE: readonly unknown[] = ['EACCES', 'EROFS', 'ENOENT', 'ENOTDIR', 'EEXIST'];

/**
 * Takes the directory, which is made if there is none. Throws StartError when another process has it, or many share it.
 *
 * Whoever wants it listens on a unix socket in it, under a name that is never used again, and then looks for those of
 * others. The kernel refuses connections to the socket of a process that has ended, however it ended, so what a kill
 * leaves is known as such and removed. Each shows its socket before it looks: of two, the later one sees the earlier one.
 * Where both see each other the lower name goes first; but one that found nobody holds the lock, and shows that by its
 * socket's mode, and until it has, the lower name waits for it. Sockets in a directory are the same ones by any path, and
 * from any namespace for processes or networks; and only who may write in the directory can get in the way.
 */
export async function lockState(stateDir: string, clock: Clock): Promise<StateLock> {
  let lock: Lock;
  let remarks: string[];
  try {
    remarks = prepareStateDirectory(stateDir);
    lock = await Lock.show(stateDir);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const remark = `no lock could be taken there: a second Switchyard that uses it would not be noticed (${message})`;
    return { remarks: NOT_WRITABLE.includes(code) ? [] : [remark], isThere: () => false, release() {} };
  }
  const untilMs = clock.now() + RIVALS_MS;
  let next = await lock.look();
  while (next === 'wait' && clock.now() < untilMs) {
    await sleep(clock, LOOK_AGAIN_MS);
    next = await lock.look();
  }
  if (next !== 'hold') {
    lock.release();
    throw new StartError(`another Switchyard already keeps its state in ${stateDir}`, {
      hint: 'Stop it first, or give this one another stateDir in its config',
    });
  }
  lock.hold();
  return {
    remarks,
    isThere: () => lock.isIn(stateDir),
    release: () => lock.release(),
  };
}

/** Our socket in the directory. */
class Lock {
  readonly directory: Stats;
  readonly #server: net.Server;
  readonly #open: OpenDirectory;
  readonly #name: string;
  #isReleased = false;

  private constructor(open: OpenDirectory, name: string, server: net.Server) {
    this.directory = fstatSync(open.fd);
    this.#open = open;
    this.#name = name;
    this.#server = server;
  }

  /** Listens there for all to see. */
  static async show(stateDir: string): Promise<Lock> {
    const open = new OpenDirectory(stateDir);
    try {
      for (;;) {
        const name = `lock.${newKey()}`;
        const server = await listenAt(open, name);
        if (server !== undefined) return new Lock(open, name, server);
      }
    } catch (error) {
      open.close();
      throw error;
    }
  }

  /** Looks for others, and removes what dead ones have left. */
  async look(): Promise<'hold' | 'wait' | 'lost'> {
    let next: 'hold' | 'wait' = 'hold';
    for (const name of readdirSync(this.#open.path())) {
      if (name === this.#name || !(LOCK_NAME.test(name) || NEW_NAME.test(name))) continue;
      const file = this.#open.path(name);
      const found = lstatSync(file, { throwIfNoEntry: false });
      if (found === undefined || !found.isSocket() || !this.#isTrusted(found.uid)) continue;
      const isAlive = await answers(file);
      if (!isAlive) unlinkIfThere(file);
      // One that does not show itself yet looks around after it does, and sees us then.
      if (!isAlive || NEW_NAME.test(name)) continue;
      if ((found.mode & 0o777) === HELD || name < this.#name) return 'lost';
      next = 'wait';
    }
    return next;
  }

  hold(): void {
    chmodSync(this.#open.path(this.#name), HELD);
  }

  isIn(stateDir: string): boolean {
    const named = statSync(stateDir, { throwIfNoEntry: false });
    const { dev, ino } = this.directory;
    const own = this.#open.path(this.#name);
    return named?.dev === dev && named.ino === ino && lstatSync(own, { throwIfNoEntry: false }) !== undefined;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    unlinkIfThere(this.#open.path(this.#name));
    this.#server.close();
    this.#open.close();
  }

  /** In a directory that others may write in, their sockets are no locks. */
  #isTrusted(uid: number): boolean {
    return uid === 0 || uid === process.geteuid?.() || uid === this.directory.uid;
  }
}

/** 16 hex digits. Not of node:crypto, which takes long to load: nobody gains by guessing them. */
function newKey(): string {
  const half = () =>
    Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return half() + half();
}

/** Undefined when another process took the socket away because it did not listen yet. */
async function listenAt(open: OpenDirectory, name: string): Promise<net.Server | undefined> {
  const server = net.createServer((visitor) => visitor.destroy());
  server.unref();
  const fresh = open.path(`${name}.new`);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject); // later ones, of accepting, concern nobody
    server.listen(fresh, resolve);
  });
  try {
    chmodSync(fresh, WANTED);
    renameSync(fresh, open.path(name));
    return server;
  } catch (error) {
    server.close();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a process listens on the socket. One that is too busy to accept counts. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It is gone, or may not be removed; a dead one is in nobody's way.
  }
}
