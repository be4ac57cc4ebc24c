// GetContainerEvents: one stream of the events of all backends, unless the config has switched it off.
import type { EventsMethod } from '../../cri/methods.ts';
import { hasRpc } from '../../cri/versions.ts';
import { UnimplementedError } from '../../errors.ts';
import type { Handler, ProxyParts } from '../parts.ts';

export function eventsHandler({ config, events }: ProxyParts): Handler<EventsMethod> {
  return (call, method) => {
    const version = call.route?.version ?? 'v1';
    if (!hasRpc(version, method)) throw new UnimplementedError(`${version} has no ${method.name}`);
    if (!config.events.isServed) {
      throw new UnimplementedError(`${method.name} is switched off by the config`, {
        hint: 'The kubelet falls back to listing by itself',
      });
    }
    events.serve(call);
  };
}
