// What to do about a socket behind which no CRI service is, in the words of a backend's state.
import { basename } from 'node:path';

/** Sockets that are often named by mistake, by the end of their path. */
const KNOWN_SOCKETS: readonly (readonly [end: string, advice: string])[] = [
  [
    'docker.sock',
    "this is Docker's own API. Docker needs cri-dockerd, whose socket is usually /run/cri-dockerd.sock",
  ],
  ['podman.sock', "this is Podman's own API, and Podman has no CRI. Name the socket of another runtime"],
  [
    '.ttrpc',
    "this is containerd's ttrpc socket. Its CRI socket is the one without .ttrpc, usually /run/containerd/containerd.sock",
  ],
  [
    'nri.sock',
    "this is the socket of NRI plugins. containerd's CRI socket is usually /run/containerd/containerd.sock",
  ],
  ['buildkitd.sock', 'this is BuildKit, which has no CRI. Name the socket of a container runtime'],
];
const NAME_ANOTHER = 'Name the socket of a container runtime';
const CRI_IS_OFF =
  'it serves no CRI. Is it containerd? Then take "cri" out of disabled_plugins in its config.toml and restart it';

/** Why a socket that speaks another protocol is of no use; `foreign` as http2/greeting.ts says it. */
export function describeForeign(socket: string, foreign: string): string {
  const isWeb = foreign.startsWith('speaks HTTP/');
  const advice = isWeb ? `: it is a web server or another API. ${NAME_ANOTHER}` : `. ${NAME_ANOTHER}`;
  return `${socket} ${foreign}${adviceOn(socket) ?? advice}`;
}

/** Why a backend without the CRI services is of no use; `refusal` is how it ended Version. */
export function describeLackOfCri(socket: string, refusal: string): string {
  return `${refusal}${adviceOn(socket) ?? `: ${CRI_IS_OFF}`}`;
}

/** A reason for silence, or for a connection that ended before anything was said; with advice if the socket is a known one. */
export function describeSilence(socket: string, reason: string): string {
  return `${reason}${adviceOn(socket) ?? ''}`;
}

function adviceOn(socket: string): string | undefined {
  const name = basename(socket);
  const [, advice] = KNOWN_SOCKETS.find(([end]) => name.endsWith(end)) ?? [];
  return advice === undefined ? undefined : `: ${advice}`;
}
