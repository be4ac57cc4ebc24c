// Looks for container runtimes at their well-known sockets, for `serve --discover`.
import { realpath } from 'node:fs/promises';
import net from 'node:net';

/** What lies at one path. Paths where nothing lies are left out. */
export type Finding =
  | { readonly kind: 'answers'; readonly path: string }
  | { readonly kind: 'silent'; readonly path: string; readonly reason: string };

const CONNECT_TIMEOUT_MS = 1_000;

/**
 * Tries `paths` in order. Two paths to one file (/var/run is mostly a link to /run) are one finding. A socket file
 * that nothing listens on, or that we may not open, is `silent` with the reason.
 */
export async function findRuntimes(paths: readonly string[]): Promise<readonly Finding[]> {
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)));
  const distinct = [...new Set(real.filter((path) => path !== undefined))];
  return Promise.all(distinct.map(tryConnect));
}

function tryConnect(path: string): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    const finish = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish({ kind: 'silent', path, reason: 'ETIMEDOUT' }));
    socket.once('connect', () => finish({ kind: 'answers', path }));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish({ kind: 'silent', path, reason: error.code ?? error.message }),
    );
  });
}
