// The only place where an error becomes a reply. Errors of ours say their status; anything else is a bug and INTERNAL.
import { SwitchyardError, toSwitchyardError } from '../../errors.ts';
import { STATUS, trailers, trailersOnly } from '../../grpc/status.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Call } from '../call.ts';
import { nameBackends } from '../who-answered.ts';
import type { Layer } from './layer.ts';

export function rescue(log: Logger): Layer {
  const answer = (call: Call, cause: unknown) => {
    const error = toSwitchyardError(cause);
    if (error.backends.length > 0) nameBackends(call, error.backends);
    if (!(cause instanceof SwitchyardError)) {
      log.error({ err: cause, method: call.rpc }, 'unexpected error in a call');
      call.backendName = 'none'; // no backend's fault
    }
    const text = error.toStatusMessage();
    const end = call.hasReplyHeaders ? trailers(error.status, text) : trailersOnly(error.status, text);
    call.finish(end, STATUS[error.status], text);
  };
  return (next) => (call) => {
    call.rescue = answer;
    try {
      next(call)?.catch((error: unknown) => call.fail(error));
    } catch (error) {
      call.fail(error);
    }
  };
}
