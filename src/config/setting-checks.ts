// Checks of everything in the config but backends, rules, ranges, and paths against each other.

import { quote } from '../quote.ts';
import { addressHint, isLocal, parseAddress } from './address.ts';
import { checkNamespace } from './name-checks.ts';
import { errorAt, type Finding, warningAt } from './problems.ts';
import type { ConfigFile } from './schema.ts';
import { parseSocket } from './sockets.ts';

/** What is wrong with the settings. */
export function checkSettings(file: ConfigFile): Finding[] {
  return [...checkListen(file), ...checkAdmin(file), ...checkAnnotation(file)];
}

function checkListen({ listen }: ConfigFile): Finding[] {
  const path = ['listen', 'socket'];
  const socket = parseSocket(listen.socket, '/run/switchyard/cri.sock');
  if ('message' in socket) return [errorAt(path, `listen.socket ${socket.message}`, socket.hint)];
  const findings = checkMode(listen.mode);
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
  return findings;
}

/** Whoever may write to the socket may connect to it. */
function checkMode(mode: string): Finding[] {
  const others = Number.parseInt(mode, 8) & 0o006;
  if (others === 0) return [];
  const may = (others & 0o002) === 0 ? 'read the socket' : 'start containers as root';
  const message = `listen.mode lets every user of this node ${may}`;
  return [errorAt(['listen', 'mode'], message, 'Write "0660" and name a group')];
}

function checkAdmin({ admin }: ConfigFile): Finding[] {
  if (admin === undefined) return [];
  const path = ['admin', 'address'];
  const address = parseAddress(admin.address);
  if (address === undefined) {
    const message = `admin.address must be host:port or unix:///path, not ${quote(admin.address)}`;
    return [errorAt(path, message, addressHint(admin.address, { host: '127.0.0.1', port: 9440 }))];
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
