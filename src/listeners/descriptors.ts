// File descriptors: how many the process may have, what each listener gets of them, and the alarm when there are none.
// Linux closes nothing when they run out, and Node accepts and drops clients then without a word (libuv keeps one
// descriptor in reserve for that), so the shares are made before, and what is left is looked at now and then.
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';

/** Connections that each listener may have at once. */
export interface ListenerLimits {
  readonly cri: number;
  readonly admin: number;
  /** Clients of the stream relay; a stream takes a second descriptor, to its backend. */
  readonly streams: number;
}

/** What no node needs: a kubelet has two or three connections, and so have the agents beside it. */
const AT_MOST: ListenerLimits = { cri: 1_024, admin: 64, streams: 1_200 };
/** Below these nobody could work with it; the alarm says so when they are more than there is. */
const AT_LEAST: ListenerLimits = { cri: 8, admin: 4, streams: 8 };
/** Node's own, the log, the journal, listening sockets, and some to spare; about 25 are in use. */
const OWN_DESCRIPTORS = 36;
/** A connection, the one before it while that closes, and one that asks whether the backend lives. */
const DESCRIPTORS_PER_BACKEND = 3;
/** Where the system does not say. */
const UNKNOWN_LIMIT = 1_024;

/** The soft limit of this process. Node has raised it to the hard one when it started. */
export function descriptorLimit(read = () => readFileSync('/proc/self/limits', 'utf8')): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(read()) ?? [];
    if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
    return soft === undefined ? UNKNOWN_LIMIT : Number(soft);
  } catch {
    return UNKNOWN_LIMIT; // not on Linux
  }
}

/** Shares of `limit` descriptors: what the process and its backends need comes first, and the CRI socket has the most. */
export function shareDescriptors(limit: number, backends: number, hasRelay: boolean): ListenerLimits {
  const room = limit - OWN_DESCRIPTORS - DESCRIPTORS_PER_BACKEND * backends;
  const share = (listener: keyof ListenerLimits, descriptors: number) =>
    Math.max(AT_LEAST[listener], Math.min(AT_MOST[listener], Math.floor(descriptors)));
  const admin = share('admin', room / 8);
  const streams = hasRelay ? share('streams', room / 6) : 0;
  return { admin, streams, cri: share('cri', room - admin - 2 * streams) };
}

/** So few that a busy node may come near. */
const FEW_CLIENTS = 64;

/** Says at the start when there are few. */
export function warnOfFew(limit: number, { cri }: ListenerLimits, log: Logger): void {
  if (cri >= FEW_CLIENTS) return;
  log.warn(
    { descriptors: limit, clients: cri },
    `this process may have few open files, so few clients can connect at once. ${RAISE_IT}`,
  );
}

const RAISE_IT = 'Raise LimitNOFILE in the systemd unit, or ulimit -n: 65536 is plenty';
const LOOK_EVERY_MS = 5_000;
const AGAIN_AFTER_MS = 60_000;

/** Looks every few seconds whether a file could be opened, and says when not. Returns how to end it. */
export function watchDescriptors(clock: Clock, log: Logger, open = openNothing): () => void {
  let warnedAtMs: number | undefined;
  const look = () => {
    const code = open();
    const isFull = code === 'EMFILE' || code === 'ENFILE';
    if (isFull && (warnedAtMs === undefined || clock.now() - warnedAtMs >= AGAIN_AFTER_MS)) {
      warnedAtMs = clock.now();
      const whose = code === 'EMFILE' ? 'this process' : 'this machine (fs.file-max)';
      log.error(
        { code },
        `no file can be opened any more: new clients are dropped and backends cannot be reached. ${whose} has all it may have. ${RAISE_IT}`,
      );
    } else if (!isFull && warnedAtMs !== undefined) {
      warnedAtMs = undefined;
      log.info('files can be opened again');
    }
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  let timer = clock.after(LOOK_EVERY_MS, look);
  return () => timer.cancel();
}

function openNothing(): string | undefined {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
