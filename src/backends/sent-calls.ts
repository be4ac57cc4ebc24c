// Calls that were sent to a backend and are not answered, found when it hangs: on its connection, and on those before it,
// which said GOAWAY and last as long as their calls. No call is listed when it is sent: each connection knows its streams.
import type { BackendUnavailableError } from '../errors.ts';
import type { ClientConnection } from '../http2/client.ts';
import { BackendCall } from './backend-call.ts';

export class SentCalls {
  private connections: ClientConnection[] = [];

  /** Calls go there from now on. */
  goTo(connection: ClientConnection): void {
    this.connections = this.connections.filter(({ streamCount }) => streamCount > 0);
    this.connections.push(connection);
  }

  /** The backend has hung for `hungMs`, as `error` says; `onError` gets what goes wrong when a call hears of it. */
  hang(error: BackendUnavailableError, hungMs: number, onError: (error: unknown) => void): void {
    for (const { receiver } of this.connections.flatMap((connection) => connection.openStreams())) {
      if (!(receiver instanceof BackendCall) || receiver.isOver) continue;
      try {
        receiver.onHang(error, hungMs);
      } catch (thrown) {
        onError(thrown);
      }
    }
  }
}
