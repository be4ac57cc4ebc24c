// Checks of the paths in the config against each other: the state directory and all sockets, which must not be in each
// other's way. Which backends reach one socket is for sockets.ts.
import path from 'node:path';
import { parseAddress } from './address.ts';
import { type ConfigPath, errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { type IdentifySocket, parseSocket, type ResolvePath } from './sockets.ts';
import { hasVariable, VARIABLE_HINT } from './variables.ts';

/** How paths are compared. */
export interface PathLooks {
  readonly identify: IdentifySocket;
  readonly resolve: ResolvePath;
}

/** A socket that the config names. */
interface NamedSocket {
  readonly at: ConfigPath;
  readonly what: string;
  readonly path: string;
}

/** What Switchyard itself makes in the state directory: journal, journal.damaged-*, lock.* and the like. */
const OWN_FILE = /^(journal|lock)(\.|$)/;
const STATE_HINT = 'Write /var/lib/switchyard';

/** What is wrong with the paths. Only those that parse are compared; the others have a finding of their own. */
export function checkPaths(file: ConfigFile, looks: PathLooks): Finding[] {
  const sockets = namedSockets(file);
  return [
    ...checkAdminSocket(sockets, looks),
    ...checkNesting(sockets, looks),
    ...checkStateDir(file, sockets, looks),
  ];
}

/** All sockets that the config names, where they parse. */
export function namedSockets({ listen, admin, backends }: ConfigFile): NamedSocket[] {
  const found: NamedSocket[] = [];
  const add = (at: ConfigPath, what: string, text: string | undefined) => {
    const socket = text === undefined ? undefined : parseSocket(text);
    if (socket !== undefined && 'path' in socket) found.push({ at, what, path: socket.path });
  };
  add(['listen', 'socket'], 'listen.socket', listen.socket);
  if (admin !== undefined && parseAddress(admin.address)?.kind === 'unix')
    add(['admin', 'address'], 'admin.address', admin.address);
  for (const [i, { name, endpoint, imageEndpoint }] of backends.entries()) {
    add(['backends', i, 'endpoint'], `the endpoint of backend ${name}`, endpoint);
    add(['backends', i, 'imageEndpoint'], `the imageEndpoint of backend ${name}`, imageEndpoint);
  }
  return found;
}

function checkAdminSocket(sockets: readonly NamedSocket[], { identify }: PathLooks): Finding[] {
  const admin = sockets.find(({ at }) => at[0] === 'admin');
  if (admin === undefined) return [];
  const identity = identify(admin.path);
  const other = sockets.find(
    (socket) =>
      socket !== admin &&
      (socket.path === admin.path || (identity !== undefined && identify(socket.path) === identity)),
  );
  if (other === undefined) return [];
  const message = `admin.address is the same socket as ${other.what}`;
  return [errorAt(admin.at, message, 'Choose another path')];
}

/** Where a socket is no directory can be. */
function checkNesting(sockets: readonly NamedSocket[], { resolve }: PathLooks): Finding[] {
  return sockets.flatMap((inner) => {
    const outer = sockets.find(({ path: other }) => isBelow(resolve(inner.path), resolve(other)));
    if (outer === undefined) return [];
    const message = `${inner.what} lies below ${outer.what}, and a socket is no directory`;
    return [errorAt(inner.at, message, 'Choose another path for one of the two')];
  });
}

function checkStateDir(
  { stateDir }: ConfigFile,
  sockets: readonly NamedSocket[],
  looks: PathLooks,
): Finding[] {
  const at = ['stateDir'];
  if (hasVariable(stateDir)) return [errorAt(at, 'stateDir holds a variable', VARIABLE_HINT)];
  if (!stateDir.startsWith('/')) return [errorAt(at, 'stateDir must be an absolute path', STATE_HINT)];
  const directory = looks.resolve(path.resolve(stateDir));
  return sockets.flatMap((socket) => {
    const resolved = looks.resolve(socket.path);
    if (directory === resolved) return [errorAt(at, `stateDir is the path of ${socket.what}`, STATE_HINT)];
    if (isBelow(directory, resolved)) {
      return [errorAt(at, `stateDir lies below ${socket.what}, and a socket is no directory`, STATE_HINT)];
    }
    if (!isBelow(resolved, directory)) return [];
    const hint = `Choose another path, such as /run/switchyard/${path.basename(resolved)}`;
    const [first = ''] = path.relative(directory, resolved).split('/');
    if (OWN_FILE.test(first)) {
      const message = `${socket.what} has the name of a file that Switchyard makes in stateDir`;
      return [errorAt(socket.at, message, hint)];
    }
    const message = `${socket.what} is in stateDir, which nobody but Switchyard may enter`;
    return [warningAt(socket.at, message, hint)];
  });
}

function isBelow(inner: string, outer: string): boolean {
  return inner.startsWith(outer === '/' ? '/' : `${outer}/`) && inner !== outer;
}
