// What a backend is told and asked when it has become ready: the node's last UpdateRuntimeConfig, all that it has, and
// its Status and ImageFsInfo, so that they are known should it go away before a kubelet asks.
import type { Backend } from '../backends/backend.ts';
import { encodeVersionResponse, readVersionResponse } from '../cri/own-messages.ts';
import { isReadableStatus } from '../merge/status.ts';
import type { ProxyParts } from './parts.ts';

/** None of this is on a call's way. */
const STATUS_TIMEOUT_MS = 10_000;

/** Resolves when all is done; never rejects. */
export async function welcome(parts: ProxyParts, backend: Backend): Promise<void> {
  const { registry, identity, replay, census, statistics } = parts;
  if (backend === registry.default && backend.version !== undefined) identity.meet(backend.version);
  keepVersion(parts, backend);
  await Promise.all([
    replay.tell(backend),
    census.take(backend),
    learnStatus(parts, backend),
    statistics.mountpoints.learn(backend),
  ]);
}

/** While the backend is away, also over a restart, its snapshot answers as its runtime would. */
function keepVersion({ clock, checkpoints }: ProxyParts, backend: Backend): void {
  const { version, apiVersion, snapshot } = backend;
  if (version === undefined) return;
  const { runtimeName, runtimeVersion } = version;
  const message = Buffer.from(encodeVersionResponse(runtimeName, runtimeVersion, apiVersion));
  const last = snapshot.kept('Version')?.message;
  if (last?.equals(message)) return;
  if (last !== undefined && readVersionResponse(last).runtimeName !== runtimeName)
    checkpoints.forgetWriter(backend);
  snapshot.keep('Version', message, clock.now());
}

async function learnStatus({ clock }: ProxyParts, backend: Backend): Promise<void> {
  const outcome = await backend.ask({
    service: 'RuntimeService',
    rpc: 'Status',
    request: new Uint8Array(0),
    timeoutMs: STATUS_TIMEOUT_MS,
  });
  if (outcome.kind === 'answered' && isReadableStatus(backend.name, outcome.message))
    backend.snapshot.keep('Status', outcome.message, clock.now());
}
