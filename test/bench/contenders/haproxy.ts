// Contender: Debian's HAProxy, HTTP/2 on both sides over unix sockets. One thread and one backend: it cannot merge lists.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from '../child.ts';

/** HAProxy's version, or undefined when it is not installed. */
export function haproxyVersion(): string | undefined {
  try {
    const output = execFileSync('sh', ['-c', 'PATH=$PATH:/usr/sbin haproxy -v'], { encoding: 'utf8' });
    return /version (\S+)/.exec(output)?.[1] ?? 'unknown version';
  } catch {
    return undefined;
  }
}

/** Writes HAProxy's config into `dir` and returns its command line. */
export function haproxyCommand(dir: string, listenPath: string, backendPath: string): Command {
  const configPath = path.join(dir, 'haproxy.cfg');
  writeFileSync(
    configPath,
    `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend clients
  bind unix@${listenPath} proto h2
  default_backend runtime
backend runtime
  http-reuse always
  server one unix@${backendPath} proto h2
`,
  );
  return { program: 'sh', args: ['-c', 'PATH=$PATH:/usr/sbin exec haproxy -db -f "$0"', configPath] };
}
