// The outermost layer: every call is counted, timed and, when it changes state, logged in one line.
// Bodies, environment values and credentials are never looked at here.
import { STATUS, statusName } from '../../grpc/status.ts';
import { type Logger, logCall } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Call } from '../call.ts';
import type { Layer } from './layer.ts';

export function observe(metrics: Metrics, log: Logger, now: () => number): Layer {
  const finished = (call: Call, code: number, text: string) => {
    const durationMs = now() - call.startedAtMs;
    const codeName = statusName(code);
    metrics.callFinished({
      method: call.rpc,
      backend: call.backendName,
      code: codeName,
      durationMs,
      requestBytes: call.request.sizeBytes,
      responseBytes: call.replyBytes,
    });
    if (call.route?.method?.changesState !== true) return;
    logCall(log, {
      method: call.rpc,
      backend: call.backendName,
      ...(call.rule !== undefined && { rule: call.rule }),
      code: codeName,
      ms: Math.round(durationMs * 10) / 10,
      ...(call.pod !== undefined && { pod: call.pod }),
      ...(call.objectId !== undefined && { id: call.objectId }),
      // Some runtimes send a text with OK too.
      ...(code !== STATUS.OK && text !== '' && { error: text }),
    });
  };
  return (next) => (call) => {
    metrics.callStarted(call.rpc);
    call.watch(finished);
    next(call);
  };
}
