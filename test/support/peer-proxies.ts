// HAProxy and nginx in front of a CRI socket: two implementations of HTTP/2 that share no code with Node or with us.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CriClient } from './cri-client.ts';
import { Daemon } from './daemon.ts';
import { programPath } from './e2e-requirements.ts';

/** A proxy that takes HTTP/2 at `socket` and speaks HTTP/2 to the CRI socket behind it. */
export interface PeerProxy extends AsyncDisposable {
  readonly socket: string;
}

/** HAProxy as an HTTP proxy; with `tcpPort` also as a byte relay from that loopback port, for clients without unix sockets. */
export async function startHaproxy(dir: string, target: string, tcpPort?: number): Promise<PeerProxy> {
  const socket = path.join(dir, 'haproxy.sock');
  const relay =
    tcpPort === undefined
      ? ''
      : `
listen bytes
  mode tcp
  bind 127.0.0.1:${tcpPort}
  server switchyard unix@${target}
`;
  const config = `global
  maxconn 256
defaults
  timeout connect 5s
  timeout client 5m
  timeout server 5m
listen grpc
  mode http
  bind unix@${socket} proto h2
  server switchyard unix@${target} proto h2
${relay}`;
  return start(dir, 'haproxy', socket, config, (file) => ['-db', '-f', file]);
}

/** nginx with grpc_pass. */
export async function startNginx(dir: string, target: string): Promise<PeerProxy> {
  const socket = path.join(dir, 'nginx.sock');
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${dir}/nginx-${name};`,
  );
  const config = `daemon off;
master_process off;
pid ${dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
${temps.join('\n')}
  client_max_body_size 16m;
  server {
    listen unix:${socket} http2;
    location / {
      grpc_pass grpc://unix:${target};
      grpc_read_timeout 5m;
      grpc_send_timeout 5m;
    }
  }
}
`;
  return start(dir, 'nginx', socket, config, (file) => ['-c', file, '-e', 'stderr', '-p', dir]);
}

async function start(
  dir: string,
  name: string,
  socket: string,
  config: string,
  args: (file: string) => string[],
): Promise<PeerProxy> {
  mkdirSync(dir, { recursive: true });
  const file = path.join(dir, `${name}.conf`);
  writeFileSync(file, config);
  const daemon = await Daemon.start({
    name,
    command: programPath(name),
    args: args(file),
    logFile: path.join(dir, `${name}.log`),
    isReady: async () => {
      using client = new CriClient(socket);
      const { code } = await client.rawCall(client.pathOf('Version'), Buffer.alloc(0), { deadlineMs: 1_000 });
      return code === 0;
    },
  });
  return { socket, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}
