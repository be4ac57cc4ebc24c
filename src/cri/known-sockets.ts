// Sockets of a node that are often taken for one of a CRI, by the end of their path.
import { basename } from 'node:path';

/** A socket that serves something other than CRI. */
export interface KnownSocket {
  /** What it is; a clause without a full stop. */
  readonly what: string;
  /** What to name in its place. */
  readonly instead: string;
}

/** All that are known. */
export const KNOWN_SOCKETS: readonly (KnownSocket & { readonly end: string })[] = [
  {
    end: 'docker.sock',
    what: "this is Docker's own API",
    instead: 'Docker needs cri-dockerd, whose socket is usually /run/cri-dockerd.sock',
  },
  {
    end: 'podman.sock',
    what: "this is Podman's own API, and Podman has no CRI",
    instead: 'Name the socket of another runtime',
  },
  {
    end: '.ttrpc',
    what: "this is containerd's ttrpc socket",
    instead: 'Its CRI socket is the one without .ttrpc, usually /run/containerd/containerd.sock',
  },
  {
    end: 'nri.sock',
    what: 'this is the socket of NRI plugins',
    instead: "containerd's CRI socket is usually /run/containerd/containerd.sock",
  },
  {
    end: 'buildkitd.sock',
    what: 'this is BuildKit, which has no CRI',
    instead: 'Name the socket of a container runtime',
  },
];

/** What is known of a socket by its path alone; undefined for all that may serve CRI. */
export function knownSocketAt(path: string): KnownSocket | undefined {
  const name = basename(path);
  return KNOWN_SOCKETS.find(({ end }) => name.endsWith(end));
}
