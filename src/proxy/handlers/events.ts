// GetContainerEvents is not served yet: the kubelet lists once a second instead, which is right for every backend.
// A stream that lacked one backend's events would leave the kubelet blind for minutes.
import type { EventsMethod } from '../../cri/methods.ts';
import { UnimplementedError } from '../../errors.ts';
import type { Handler } from '../parts.ts';

export function eventsHandler(): Handler<EventsMethod> {
  return (_call, method) => {
    throw new UnimplementedError(`${method.name} is not served`, {
      hint: 'The kubelet falls back to listing by itself',
    });
  };
}
