// What a client of Switchyard sees of a runtime behind it: what the runtime itself shows, but for the rules that make
// several runtimes one. Derived, so that the suite says the same sentences of a runtime alone and behind Switchyard.
import type { Rpc } from '../../support/cri-codec.ts';
import { type Traits, UNKNOWN_IDS_BY_THE_BOOK } from './traits.ts';

/** RPCs that Switchyard answers as soon as one of its backends can. */
const SERVED_BY_ANY: readonly Rpc[] = ['RuntimeConfig', 'ListMetricDescriptors', 'ListPodSandboxMetrics'];
/** RPCs that it answers when all can: the kubelet then takes another way for all pods. */
const SERVED_BY_ALL: readonly Rpc[] = ['ListPodSandboxStats'];

/** RPCs that a client of v1alpha2 is refused, for they came later. What it gets of others is the runtimes' own. */
const NEVER_IN_V1ALPHA2: readonly Rpc[] = ['GetContainerEvents'];

/** The traits of one runtime as a client of this version sees them through a Switchyard over `all`. */
export function throughSwitchyard(
  own: Traits,
  all: readonly Traits[],
  version: 'v1' | 'v1alpha2' = 'v1',
): Traits {
  const isLacking = (rpc: Rpc): boolean => {
    if (version === 'v1alpha2' && NEVER_IN_V1ALPHA2.includes(rpc)) return true;
    // Made from the lists of runtimes that lack them.
    if (rpc.startsWith('Stream') || rpc === 'GetContainerEvents') return false;
    if (SERVED_BY_ANY.includes(rpc)) return all.every(({ lacks }) => lacks.includes(rpc));
    if (SERVED_BY_ALL.includes(rpc)) return all.some(({ lacks }) => lacks.includes(rpc));
    return own.lacks.includes(rpc);
  };
  return {
    ...own,
    runtimeName: all[0]?.runtimeName ?? '',
    lacks: [...new Set([...all.flatMap(({ lacks }) => lacks), ...NEVER_IN_V1ALPHA2])].filter(isLacking),
    // A kubelet that looks for statistics of pods in this way gets the answer that their list gives.
    unknownId: {
      ...UNKNOWN_IDS_BY_THE_BOOK,
      PodSandboxStats: isLacking('ListPodSandboxStats') ? 'UNIMPLEMENTED' : 'NOT_FOUND',
    },
    unknownHandler: 'FAILED_PRECONDITION',
    url: /^http:\/\/127\.0\.0\.1:\d+\//,
    // Runtimes that keep to no filter make the joined list longer; it is there all the same.
    filtersImages: all.every(({ filtersImages }) => filtersImages),
    brokenFilter: all.find(({ brokenFilter }) => brokenFilter !== 'OK')?.brokenFilter ?? 'OK',
    listsHandlers: all.some(({ listsHandlers }) => listsHandlers),
    hasContainerFs: all.some(({ hasContainerFs }) => hasContainerFs),
    namesOwnDirectory: false,
    // Over several they are made where a runtime fails to give them.
    statsBesideStopped: all.length === 1 ? own.statsBesideStopped : 'OK',
    events: 'served',
  };
}
