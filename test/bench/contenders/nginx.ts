// Contender: Debian's nginx with grpc_pass over unix sockets. One process and one backend: it cannot merge lists.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from '../child.ts';

/** nginx's version, or undefined when it is not installed. */
export function nginxVersion(): string | undefined {
  try {
    // It prints its version to stderr, and sits where an ordinary user's PATH does not look.
    const output = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin nginx -v 2>&1'], { encoding: 'utf8' });
    return output.trim().replace('nginx version: ', '');
  } catch {
    return undefined;
  }
}

/** Writes nginx's config into `dir` and returns its command line. */
export function nginxCommand(dir: string, listenPath: string, backendPath: string): Command {
  const prefix = path.join(dir, 'nginx');
  mkdirSync(prefix, { recursive: true });
  const configPath = path.join(prefix, 'nginx.conf');
  // The limits on requests per connection are lifted: a reconnect in the middle would count against it.
  writeFileSync(
    configPath,
    `daemon off;
master_process off;
pid ${prefix}/pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  upstream backend {
    server unix:${backendPath};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen unix:${listenPath} http2;
    location / { grpc_pass grpc://backend; }
  }
}
`,
  );
  return {
    program: 'sh',
    args: ['-c', 'PATH=$PATH:/usr/sbin exec nginx -p "$0" -c "$1" -e stderr', prefix, configPath],
  };
}
