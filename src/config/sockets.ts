// Unix sockets as the config names them: which texts are one, and whether two of them are the same socket.
import { readlinkSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { hasVariable, VARIABLE_HINT } from './variables.ts';

/** sun_path of a unix socket address holds 108 bytes with the zero at its end. */
const PATH_BYTES = 107;

/** A socket path, or why the text is none and what to write instead. */
export type ParsedSocket = { readonly path: string } | { readonly message: string; readonly hint: string };

/**
 * Takes unix:///path, unix:/path and /path; the message of a refusal follows the name of the key. `example` is what
 * people may write where nothing shows what they meant.
 */
export function parseSocket(text: string, example = 'unix:///run/containerd/containerd.sock'): ParsedSocket {
  const refuse = (message: string, hint = `Write ${example}`): ParsedSocket => ({ message, hint });
  if (hasVariable(text)) return refuse('holds a variable', VARIABLE_HINT);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'unix') {
    return refuse(`must be a unix socket; ${scheme} is not served`);
  }
  const rest = scheme === undefined ? text : text.slice('unix:'.length);
  if (rest.startsWith('@'))
    return refuse('must be a path; abstract sockets have no file mode to protect them');
  if (/^\/\/[^/]/.test(rest)) {
    return refuse('must have three slashes: two would begin a host name', `Write unix:///${rest.slice(2)}`);
  }
  if (!rest.startsWith('/')) {
    // Most often the first slash was forgotten.
    const isPath = /^\w[\w.-]*\/[\w./-]*\w$/.test(rest);
    return refuse('must be an absolute path', isPath ? `Write unix:///${rest}` : undefined);
  }
  if (rest.endsWith('/') || /[\0\n]/.test(rest)) return refuse('must be the path of a socket');
  const normal = path.posix.normalize(rest.replace(/^\/+/, '/'));
  const sizeBytes = Buffer.byteLength(normal);
  if (sizeBytes > PATH_BYTES) {
    return refuse(
      `is ${sizeBytes} bytes long, and a unix socket path holds ${PATH_BYTES}`,
      'Choose a shorter path',
    );
  }
  return { path: normal };
}

/** What is the same for two paths exactly if they are one file; undefined when that cannot be found out. */
export type IdentifySocket = (path: string) => string | undefined;

/** Where a path leads through symbolic links, as far as it exists. */
export type ResolvePath = (path: string) => string;

/** As the file system has it; a path that may not be looked at leads to itself. */
export const resolveLinks: ResolvePath = (file) => placeOf(file, LINKS_AT_MOST);

/** Symbolic links in a row that are followed, as many as the kernel does. */
const LINKS_AT_MOST = 40;

/**
 * By device and inode, through symbolic links; a file that is not there yet by where it will be, also below linked
 * directories: /var/run/cri.sock is /run/cri.sock before either exists. A file that may not be looked at counts as missing.
 */
export const identifySocketFile: IdentifySocket = (file) => {
  try {
    const { dev, ino } = statSync(file);
    return `${dev}:${ino}`;
  } catch {
    return placeOf(file, LINKS_AT_MOST);
  }
};

/** The real path of the nearest directory that exists, and the rest; links to nothing are followed. */
function placeOf(file: string, linksAtMost: number): string {
  const parent = path.dirname(file);
  if (parent === file) return file;
  try {
    return realpathSync(file);
  } catch {
    const target = linksAtMost > 0 ? linkTarget(file) : undefined;
    if (target !== undefined) return placeOf(path.resolve(parent, target), linksAtMost - 1);
    return path.join(placeOf(parent, linksAtMost), path.basename(file));
  }
}

function linkTarget(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

/** What a path is that is no socket, such as `a directory`; undefined for a socket and for what is not there (yet). */
export type DescribeNonSocket = (path: string) => string | undefined;

/** As the file system says. A file that may not be looked at counts as none. */
export const describeByStat: DescribeNonSocket = (file) => {
  try {
    const state = statSync(file);
    if (state.isSocket()) return undefined;
    if (state.isDirectory()) return 'a directory';
    return state.isFile() ? 'a regular file' : 'a device or a FIFO';
  } catch {
    return undefined;
  }
};

/** Two parts of the config that reach one socket. */
export interface SameSocket {
  /** Index in `backends` of the later one. */
  readonly backend: number;
  /** Whether it is the socket of its image service. */
  readonly isOfImages: boolean;
  readonly message: string;
  readonly hint: string;
}

/** The part of a Config that names sockets, as absolute paths. */
interface SocketsOfConfig {
  readonly listen: { readonly socket: string };
  readonly backends: readonly {
    readonly name: string;
    readonly socket: string;
    readonly imageSocket?: string | undefined;
  }[];
}

/**
 * Backends that reach a socket which an earlier backend, or Switchyard itself, has. One runtime behind two backends
 * would be listed twice, and the kubelet then kills and makes the same pod for ever; images of one image service behind
 * two would be removed under the containers of the other. A backend that is Switchyard would call itself. Asked when
 * the config is loaded and again when sockets have come up.
 */
export function findSameSockets(config: SocketsOfConfig, identify: IdentifySocket): readonly SameSocket[] {
  const owners = new Map<string, string>();
  const claim = (socket: string, owner: string) => {
    const keys = [socket, identify(socket)].filter((key) => key !== undefined);
    const earlier = keys.map((key) => owners.get(key)).find((name) => name !== undefined);
    for (const key of keys) if (!owners.has(key)) owners.set(key, owner);
    return earlier;
  };
  claim(config.listen.socket, '');
  return config.backends.flatMap(({ name, socket, imageSocket }, backend) =>
    [
      { what: `backend ${name}`, path: socket, isOfImages: false },
      ...(imageSocket === undefined
        ? []
        : [{ what: `the image service of backend ${name}`, path: imageSocket, isOfImages: true }]),
    ].flatMap(({ what, path: file, isOfImages }) => {
      const earlier = claim(file, `backend ${name}`);
      if (earlier === undefined) return [];
      return [{ backend, isOfImages, ...describeSame(what, earlier, name, config.listen.socket) }];
    }),
  );
}

function describeSame(
  what: string,
  earlier: string,
  name: string,
  own: string,
): { message: string; hint: string } {
  if (earlier === '') {
    return {
      message: `${what} is Switchyard's own socket ${own}`,
      hint: 'Name the socket of the container runtime, or choose another listen.socket',
    };
  }
  const message = `${what} reaches the same socket as ${earlier}`;
  if (earlier === `backend ${name}`)
    return { message, hint: 'Leave imageEndpoint out: endpoint serves images too' };
  if (what !== `backend ${name}`)
    return { message, hint: 'Every backend has images of its own: name the image service that is its own' };
  return {
    message,
    hint: 'A container runtime is one backend: keep one of the two, with the handlers of both',
  };
}
