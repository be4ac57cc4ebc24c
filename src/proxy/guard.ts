// Keeps a request from a backend whose runtime would silently ignore what the pod's isolation rests on. The rows are
// in cri/version-guards.ts; here they are held against the runtime that was met, which only its Version and Status tell.
import type { Backend } from '../backends/backend.ts';
import type { BackendVersion } from '../backends/probe.ts';
import { encodeVersionRequest } from '../cri/own-messages.ts';
import {
  type GuardedRequest,
  type Knowledge,
  knowledgeOf,
  tells,
  VERSION_GUARDS,
  type VersionGuard,
} from '../cri/version-guards.ts';
import { type Path, readString } from '../cri/wire.ts';
import { BackendUnavailableError, IgnoredFieldError } from '../errors.ts';
import { excerpt } from '../quote.ts';
import type { Call } from './call.ts';
import type { ProxyParts } from './parts.ts';

/** The rows that a runtime may break. */
interface Rows {
  /** It surely ignores these. */
  readonly ignored: readonly VersionGuard[];
  /** Only its Status can tell of these; it is asked when the first request asks for one. */
  readonly open: readonly VersionGuard[];
  status?: Promise<Buffer>;
}

/** By what the runtime said when it was met: a backend that comes back is met anew. */
const rowsByVersion = new WeakMap<BackendVersion, Rows>();
const NO_ROWS: Rows = { ignored: [], open: [] };

/** How long a call waits for a backend that is still connecting. */
const FIRST_CONTACT_MS = 5_000;
const STATUS_REQUEST = new Uint8Array(0);

/** Waits until a backend that is connecting is known, for what it is decides what it may be sent. */
export async function meet(call: Call, backend: Backend): Promise<void> {
  const timeoutMs = call.remainingMs(FIRST_CONTACT_MS);
  await backend.ask({
    service: 'RuntimeService',
    rpc: 'Version',
    request: encodeVersionRequest(),
    timeoutMs,
  });
}

/** Throws, or rejects with, an IgnoredFieldError when the backend would ignore a row that the request asks for. */
export function guard(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  request: GuardedRequest,
): void | Promise<void> {
  const rows = rowsOf(backend);
  const ignored = rows.ignored.find((row) => row.isAsked(request));
  if (ignored !== undefined) throw refuse(parts, call, backend, request, ignored, 'ignores that');
  const asked = rows.open.filter((row) => row.isAsked(request));
  if (asked.length > 0) return guardByStatus(parts, call, backend, request, rows, asked);
}

async function guardByStatus(
  parts: ProxyParts,
  call: Call,
  backend: Backend,
  request: GuardedRequest,
  rows: Rows,
  asked: readonly VersionGuard[],
): Promise<void> {
  rows.status ??= askStatus(backend);
  let status: Buffer;
  try {
    status = await rows.status;
  } catch (error) {
    delete rows.status;
    throw error;
  }
  const untold = asked.find(({ told }) => told === undefined || !tells(status, told));
  if (untold !== undefined)
    throw refuse(parts, call, backend, request, untold, 'does not say in its Status that it obeys that');
}

async function askStatus(backend: Backend): Promise<Buffer> {
  const timeoutMs = backend.config.timeouts.statusMs;
  const outcome = await backend.ask({
    service: 'RuntimeService',
    rpc: 'Status',
    request: STATUS_REQUEST,
    timeoutMs,
  });
  if (outcome.kind === 'answered') return outcome.message;
  const why = outcome.kind === 'failed' ? outcome.error.message : excerpt(outcome.text);
  throw new BackendUnavailableError(
    `backend ${backend.name} gives no Status, so it is not known what it would ignore: ${why}`,
    { backends: [backend.name] },
  );
}

function rowsOf({ version, apiVersion }: Backend): Rows {
  if (version === undefined) return NO_ROWS;
  const known = rowsByVersion.get(version);
  if (known !== undefined) return known;
  const rowsThat = (knowledge: Knowledge) =>
    VERSION_GUARDS.filter((row) => knowledgeOf(row, { apiVersion, ...version }) === knowledge);
  const rows = { ignored: rowsThat('ignores'), open: rowsThat('status-tells') };
  rowsByVersion.set(version, rows);
  return rows;
}

function refuse(
  { metrics }: ProxyParts,
  call: Call,
  backend: Backend,
  request: GuardedRequest,
  row: VersionGuard,
  how: string,
): IgnoredFieldError {
  call.rule = 'guard';
  call.backendName = backend.name;
  metrics.decision('guard', 'refused');
  const { runtimeName = '', runtimeVersion = '' } = backend.version ?? {};
  const release = row.obeyed[runtimeName];
  const isDated = release !== undefined && release !== 'never' && release !== 'when-told';
  return new IgnoredFieldError(
    `${whoOf(request)} asks for ${row.asks} (${row.field}), but backend ${backend.name} runs ${excerpt(runtimeName)} ${excerpt(runtimeVersion)}, which ${how}: ${row.harm}`,
    {
      hint: `${isDated ? `Upgrade it to ${runtimeName} ${release} or later` : 'Upgrade its runtime'}, place the pod on another backend, or leave out ${row.manifest}`,
    },
  );
}

/** Whose request it is; a CreateContainer carries the pod's config too. */
function whoOf({ makes, message, configPath }: GuardedRequest): string {
  const text = (...path: number[]) => excerpt(readString(message, 0, message.length, path) ?? '');
  const podIn = (path: Path) => `pod ${text(...path, 1, 3)}/${text(...path, 1, 1)}`;
  if (makes === 'sandbox') return podIn(configPath);
  return `container ${text(...configPath, 1, 1)} of ${podIn(POD_OF_CONTAINER)}`;
}

/** CreateContainerRequest.sandbox_config. */
const POD_OF_CONTAINER = [3];
