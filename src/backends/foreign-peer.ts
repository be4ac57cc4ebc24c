// What to do about a socket behind which no CRI service is, in the words of a backend's state.
import { KNOWN_SOCKETS, knownSocketAt } from '../cri/known-sockets.ts';

/** Advice about a socket behind which no runtime can be. */
export const NAME_ANOTHER = 'Name the socket of a container runtime';
/** Advice about a socket that may not be used. */
export const NOT_ALLOWED = 'Run Switchyard as root, or as a user who may write to the socket';
/** Why a backend whose socket is Switchyard's own is not called. */
export const OWN_SOCKET = `it is Switchyard's own socket, by another path. ${NAME_ANOTHER}, or choose another listen.socket`;
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

/** How the reason begins of a peer that took the connection and then said nothing. */
export const SILENT = 'it accepted the connection but did not answer';

/** Whether that is the reason. */
export function isSilence(reason: string): boolean {
  return reason.startsWith(SILENT);
}

/** Whether a reason says by itself what to do, so that a general hint behind it would contradict it. */
export function isAdvised(reason: string): boolean {
  return ADVICE.some((advice) => reason.endsWith(advice));
}

const ADVICE: readonly string[] = [
  ...KNOWN_SOCKETS.map(({ instead }) => instead),
  ...[NAME_ANOTHER, NOT_ALLOWED, OWN_SOCKET, CRI_IS_OFF],
];

function adviceOn(socket: string): string | undefined {
  const known = knownSocketAt(socket);
  return known === undefined ? undefined : `: ${known.what}. ${known.instead}`;
}
