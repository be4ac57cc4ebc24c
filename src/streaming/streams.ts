// How clients get to the streams of Exec, Attach and PortForward: by the URLs of the backends, or through the relay.
import type { BackendConfig } from '../config/config.ts';
import type { StreamKind } from '../cri/methods.ts';
import { toWholeUrl } from './stream-url.ts';

/** What the proxy needs of it. */
export interface Streams {
  /** The URL for the client, for the one that the backend gave. Throws StreamUrlError when that one is of no use. */
  urlOf(kind: StreamKind, backend: BackendConfig, url: string): string;
}

/** Clients connect to the backends themselves. */
export const passingStreams: Streams = {
  urlOf: (_kind, backend, url) => toWholeUrl(url, backend.streamingBase, backend.name),
};
