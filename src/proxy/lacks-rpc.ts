// Whether a backend has an RPC, told by how it ends a call of it.
import type { UnaryOutcome } from '../backends/unary-call.ts';
import { STATUS } from '../grpc/status.ts';

/**
 * True when the outcome says that the backend does not have the RPC at all. Some releases of cri-dockerd say so as UNKNOWN
 * "not implemented" (Mirantis/cri-dockerd#293), which a kubelet takes for an error that may pass.
 */
export function lacksRpc(outcome: UnaryOutcome | undefined): boolean {
  if (outcome?.kind !== 'status') return false;
  const { code, text } = outcome;
  return code === STATUS.UNIMPLEMENTED || (code === STATUS.UNKNOWN && /\bnot implemented\b/i.test(text));
}
