// The outermost layer: every call is counted, timed and, when it changes state, logged in one line.
// Bodies, environment values and credentials are never looked at here.
import type { Clock } from '../../clock.ts';
import { STATUS, statusName } from '../../grpc/status.ts';
import { type Logger, logCall } from '../../telemetry/log.ts';
import { LogThrottle } from '../../telemetry/log-throttle.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Call } from '../call.ts';
import type { Layer } from './layer.ts';

/** Lines of calls: 110 pods that are started at once leave some 500. */
const LINES_PER_SECOND = 2_000;
const LINES_OF_CLIENT = 500;

export function observe(metrics: Metrics, log: Logger, clock: Clock): Layer {
  const lines = new LogThrottle({
    clock,
    linesPerSecond: LINES_PER_SECOND,
    linesOfPeer: LINES_OF_CLIENT,
    onLeftOut: (count) =>
      log.warn({ count }, 'more calls changed something in the same second: they are in the metrics alone'),
  });
  const finished = (call: Call, code: number, text: string) => {
    const durationMs = clock.now() - call.startedAtMs;
    const codeName = statusName(code);
    metrics.callFinished({
      method: call.rpc,
      backend: call.backendName,
      code: codeName,
      durationMs,
      requestBytes: call.request.sizeBytes,
      responseBytes: call.replyBytes,
    });
    if (call.route?.method?.changesState !== true || !lines.allows(call.client.callLines)) return;
    logCall(log, {
      method: call.rpc,
      backend: call.backendName,
      ...(call.backendNames !== undefined && { backends: call.backendNames }),
      ...(call.rule !== undefined && { rule: call.rule }),
      code: codeName,
      ms: Math.round(durationMs * 10) / 10,
      ...(call.pod !== undefined && { pod: call.pod }),
      ...(call.objectId !== undefined && { id: call.objectId }),
      ...(call.image !== undefined && { image: call.image }),
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
