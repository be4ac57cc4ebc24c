// Who is measured: how each contender is started, what it can serve, and why one is not there.
import path from 'node:path';
import type { Command } from './child.ts';
import { haproxyCommand, haproxyVersion } from './contenders/haproxy.ts';
import { nginxCommand, nginxVersion } from './contenders/nginx.ts';
import { adminSocketOf, switchyardCommand, writeSwitchyardConfig } from './contenders/switchyard.ts';
import type { Options } from './options.ts';

export const DIRECT = 'direct';
export const SWITCHYARD = 'switchyard';
export const GRPC_JS = 'grpc-js';
export const HTTP2_RELAY = 'node:http2';
export const BYTE_PIPE = 'byte pipe';
export const NGINX = 'nginx';
export const HAPROXY = 'haproxy';

/** A proxy that can be started. */
export interface ProxyProgram {
  readonly name: string;
  readonly command: Command;
  readonly socket: string;
  /** False for a proxy that knows one backend only, so cannot merge lists. */
  readonly servesLists: boolean;
  /** What it is, in a few words. */
  readonly about: string;
  /** Where its metrics are served. */
  readonly adminSocket?: string;
}

/** A contender this machine does not have. */
export interface AbsentContender {
  readonly name: string;
  readonly reason: string;
}

export interface Places {
  /** Where the bundled programs of the bench and a copy of Switchyard are, and where sockets and config files go. */
  readonly dir: string;
  readonly backendSockets: readonly string[];
}

/** All contenders the options ask for, direct calls apart. */
export function findProxies(
  places: Places,
  options: Options,
): { present: ProxyProgram[]; absent: AbsentContender[] } {
  const { dir, backendSockets } = places;
  const firstBackend = backendSockets[0] ?? '';
  const present: ProxyProgram[] = [];
  const absent: AbsentContender[] = [];

  const offer = (
    name: string,
    about: string,
    servesLists: boolean,
    commandFor: (socket: string) => Command | { readonly reason: string },
  ): void => {
    const socket = path.join(dir, `${name.replaceAll(/\W/g, '-')}.sock`);
    const command = commandFor(socket);
    if ('reason' in command) absent.push({ name, reason: command.reason });
    else {
      const admin = name === SWITCHYARD && { adminSocket: adminSocketOf(dir, name) };
      present.push({ name, command, socket, servesLists, about, ...admin });
    }
  };
  const offerKnown: typeof offer = (name, ...rest) => {
    if (options.contenders.length === 0 || options.contenders.includes(name)) offer(name, ...rest);
  };
  const bundled = (file: string, socket: string): Command => ({
    program: process.execPath,
    args: [path.join(dir, file), socket, ...backendSockets],
  });

  offerKnown(SWITCHYARD, 'the built program, with its admin side', true, (socket) => {
    const config = writeSwitchyardConfig(dir, SWITCHYARD, socket, backendSockets);
    return switchyardCommand(path.join(dir, 'dist/main.js'), config);
  });
  offerKnown(GRPC_JS, '@grpc/grpc-js, bytes passed as they are', true, (socket) =>
    bundled('grpc-js-proxy.mjs', socket),
  );
  offerKnown(HTTP2_RELAY, 'streams piped on node:http2', true, (socket) =>
    bundled('http2-relay.mjs', socket),
  );
  offerKnown(BYTE_PIPE, 'bytes from socket to socket in Node: the floor', false, (socket) =>
    bundled('byte-pipe.mjs', socket),
  );
  offerKnown(NGINX, `${nginxVersion() ?? 'nginx'}, grpc_pass to one backend`, false, (socket) =>
    nginxVersion() === undefined
      ? { reason: 'not installed (Debian package nginx)' }
      : nginxCommand(dir, socket, firstBackend),
  );
  offerKnown(HAPROXY, `HAProxy ${haproxyVersion() ?? ''}, HTTP/2 to one backend`, false, (socket) =>
    haproxyVersion() === undefined
      ? { reason: 'not installed (Debian package haproxy)' }
      : haproxyCommand(dir, socket, firstBackend),
  );
  for (const { name, commandLine } of options.also) {
    offer(name, commandLine, true, (socket) => {
      const config = writeSwitchyardConfig(dir, name, socket, backendSockets);
      const [a = '', b = ''] = backendSockets;
      const values: Record<string, string> = { listen: socket, a, b, config };
      const line = commandLine.replaceAll(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
      return { program: 'sh', args: ['-c', `exec ${line}`] };
    });
  }
  return { present, absent };
}
