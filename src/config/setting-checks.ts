// Checks of everything in the config but backends and rules: sockets, folders, limits, the annotation.

import { quote } from '../quote.ts';
import { isLocal, parseAddress, suggestAddress } from './address.ts';
import { parseDuration } from './duration.ts';
import { errorAt, type Finding, formatPath, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { parseSize } from './size.ts';
import { parseSocket } from './sockets.ts';

/** What is wrong with the settings. */
export function checkSettings(file: ConfigFile): Finding[] {
  return [
    ...checkListen(file),
    ...checkAdmin(file),
    ...checkAnnotation(file),
    ...(file.stateDir.startsWith('/')
      ? []
      : [errorAt(['stateDir'], 'stateDir must be an absolute path', 'Write /var/lib/switchyard')]),
    ...checkRange(
      ['shutdownGrace'],
      parseDuration(file.shutdownGrace),
      { from: '0s', to: '10m' },
      parseDuration,
    ),
    ...checkRange(
      ['eventsPeriod'],
      parseDuration(file.eventsPeriod),
      { from: '100ms', to: '1m' },
      parseDuration,
    ),
    ...checkRange(
      ['limits', 'messageSize'],
      parseSize(file.limits.messageSize),
      { from: '64KiB', to: '1GiB' },
      parseSize,
    ),
  ];
}

/** An error if the value is outside; `from` and `to` are as a person would write them. */
export function checkRange(
  path: readonly (string | number)[],
  value: number | undefined,
  { from, to }: { readonly from: string; readonly to: string },
  parse: (text: string) => number | undefined,
): Finding[] {
  const [least, most] = [parse(from) ?? 0, parse(to) ?? Number.POSITIVE_INFINITY];
  if (value === undefined || (value >= least && value <= most)) return [];
  return [errorAt(path, `${formatPath(path)} must be between ${from} and ${to}`)];
}

function checkListen({ listen }: ConfigFile): Finding[] {
  const path = ['listen', 'socket'];
  const socket = parseSocket(listen.socket);
  if ('message' in socket)
    return [errorAt(path, `listen.socket ${socket.message}`, 'Write /run/switchyard/cri.sock')];
  const findings: Finding[] = [];
  if (/(^|\/)run\/crio\/crio\.sock$/.test(socket.path)) {
    // kubelet, cadvisor.UsingLegacyCadvisorStats: decided by the path alone.
    findings.push(
      errorAt(
        path,
        'listen.socket must not end in run/crio/crio.sock: the kubelet then reads statistics from CRI-O itself',
        'Write /run/switchyard/cri.sock',
      ),
    );
  }
  if ((Number.parseInt(listen.mode, 8) & 0o002) !== 0) {
    findings.push(
      warningAt(
        ['listen', 'mode'],
        'listen.mode lets every user of this node start containers as root',
        'Write "0660" and name a group',
      ),
    );
  }
  return findings;
}

function checkAdmin({ admin, listen }: ConfigFile): Finding[] {
  if (admin === undefined) return [];
  const path = ['admin', 'address'];
  const address = parseAddress(admin.address);
  if (address === undefined) {
    const message = `admin.address must be host:port or unix:///path, not ${quote(admin.address)}`;
    const meant = suggestAddress(admin.address, { host: '127.0.0.1', port: 9440 });
    return [errorAt(path, message, `Write ${meant}`)];
  }
  const socket = parseSocket(listen.socket);
  if (address.kind === 'unix' && 'path' in socket && socket.path === address.path) {
    return [errorAt(path, 'admin.address is the same socket as listen.socket', 'Choose another path')];
  }
  if (isLocal(address)) return [];
  const message =
    'admin.address can be reached from other machines, without encryption and without a password';
  return [warningAt(path, message, 'Write 127.0.0.1:9440 unless a firewall guards it')];
}

function checkAnnotation({ annotation }: ConfigFile): Finding[] {
  if (annotation === undefined) return [];
  const path = ['annotation', 'namespaces'];
  if (annotation.namespaces.length === 0) {
    const message = `annotation.namespaces is empty, so no pod may choose its backend by ${annotation.key}`;
    return [{ ...warningAt(['annotation'], message, 'List namespaces: namespaces: ["build-*"]'), at: 'key' }];
  }
  return annotation.namespaces.flatMap((namespace, i) => checkNamespace([...path, i], namespace));
}

/** A warning for a namespace that Kubernetes cannot have; most often somebody wrote a regular expression. */
export function checkNamespace(path: readonly (string | number)[], namespace: string): Finding[] {
  if (/^[-a-z0-9*]+$/.test(namespace)) return [];
  const message = `no namespace can match ${quote(namespace)}`;
  return [
    warningAt(
      path,
      message,
      'Names are made of a-z, 0-9 and "-"; only * is special, for any run of characters',
    ),
  ];
}
