// How clients get to the streams of Exec, Attach and PortForward: by the URLs of the backends, or through the relay.
import type { BackendConfig } from '../config/config.ts';
import type { StreamKind } from '../cri/methods.ts';
import { toWholeUrl } from './stream-url.ts';

/** Either way, as the rest of the program sees it. */
export interface Streams {
  /**
   * The URL for the client, for the one that the backend gave. Throws StreamUrlError when that one is of no use.
   * `client` is an object that stands for the client's connection.
   */
  urlOf(kind: StreamKind, backend: BackendConfig, url: string, client: object): string;
  /** Takes no new connections; resolves when no stream is open. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  close(): void;
}

/** Clients connect to the backends themselves, so there is nothing to end. */
export const passingStreams: Streams = {
  urlOf: (_kind, backend, url) => toWholeUrl(url, backend.streamingBase, backend.name),
  drain: () => Promise.resolve(),
  close: () => undefined,
};
