// StreamImages over several backends. An image that several have must be one, as in ListImages, so nothing may be sent
// before all parts are there; then the backends may as well be asked with ListImages, which all of them have.
import type { Backend } from '../../backends/backend.ts';
import { type ListMethod, methodNamed } from '../../cri/methods.ts';
import { mergeImages } from '../../merge/images.ts';
import { cutList } from '../../merge/lists.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { imageListRequestFor } from '../image-request.ts';
import { incomplete } from '../list-errors.ts';
import { askLegs } from '../list-legs.ts';
import type { ProxyParts } from '../parts.ts';
import { endReply, startReply } from '../replies.ts';

/** Answers a StreamImages. */
export function streamImages(
  parts: ProxyParts,
  call: Call,
  backends: readonly Backend[],
  isFull: boolean,
): void {
  const method = methodNamed('ListImages') as ListMethod;
  const questionFor = (backend: Backend) => ({
    method,
    isFull,
    body: imageListRequestFor(backend, call.body),
    rpc: method.name,
  });
  askLegs(parts, call, backends, questionFor, (results) => {
    const troubles = results.filter((result) => result.kind === 'trouble');
    const refusal = troubles.find(({ isRefusal }) => isRefusal);
    if (refusal !== undefined) {
      replyWith(call, refusal.backend, refusal.outcome);
      return;
    }
    if (troubles.length > 0) {
      call.fail(incomplete(call.rpc, method, troubles));
      return;
    }
    const joined = results.flatMap((result) => (result.kind === 'records' ? result.parts : []));
    startReply(call);
    for (const message of cutList(Buffer.concat(mergeImages(joined)), method.recordField)) {
      call.sendCollected([message]);
    }
    endReply(call);
  });
}
