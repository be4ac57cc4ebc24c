// From the row of the method table to the handler of its kind.
import type { Method } from '../cri/methods.ts';
import { UnimplementedError } from '../errors.ts';
import { excerpt } from '../quote.ts';
import type { Call } from './call.ts';
import { eventsHandler } from './handlers/events.ts';
import { imageHandler } from './handlers/image.ts';
import { listHandler } from './handlers/list.ts';
import { nodeHandler } from './handlers/node.ts';
import { ownedHandler } from './handlers/owned.ts';
import { placeHandler } from './handlers/place.ts';
import { streamListHandler } from './handlers/stream-list.ts';
import { unknownHandler } from './handlers/unknown.ts';
import { Health } from './health.ts';
import type { Serve } from './layers/layer.ts';
import { inTurn } from './list-turn.ts';
import type { ProxyParts } from './parts.ts';
import { isGrpc, replyPlain } from './plain-reply.ts';

/** Serves a call by the kind of its row. */
export function dispatch(parts: ProxyParts): Serve {
  const place = placeHandler(parts);
  const owned = ownedHandler(parts);
  const list = inTurn(listHandler(parts));
  const streamList = inTurn(streamListHandler(parts));
  const events = eventsHandler(parts);
  const image = imageHandler(parts);
  const node = nodeHandler(parts);
  const unknown = unknownHandler(parts);

  const byKind = (call: Call, method: Method): void | Promise<void> => {
    switch (method.kind) {
      case 'place':
        return place(call, method);
      case 'owned':
        return owned(call, method);
      case 'list':
        return list(call, method);
      case 'stream-list':
        return streamList(call, method);
      case 'events':
        return events(call, method);
      case 'image':
        return image(call, method);
      case 'node':
        return node(call, method);
      default:
        return method satisfies never;
    }
  };

  return (call) => {
    const { route } = call;
    if (route === undefined && !Health.serves(call.path)) {
      if (isGrpc(call)) throw new UnimplementedError(`unknown path ${excerpt(call.path)}`);
      return replyPlain(call);
    }
    if (call.requestError !== undefined) throw call.requestError;
    if (route === undefined) return parts.health.serve(call);
    if (route.method === undefined) return unknown(call);
    return byKind(call, route.method);
  };
}
