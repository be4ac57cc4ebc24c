// Finds the owner of an id that the ledger does not know, by asking every backend once with List{filter.id}.
// Not with a status call: unknown ids give NOT_FOUND on some runtimes and UNKNOWN on others; an empty list is plain.
import { LRUCache } from 'lru-cache';
import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../clock.ts';
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { encodeIdFilter } from '../cri/own-messages.ts';
import { forEachRecord, readString } from '../cri/wire.ts';
import { AmbiguousIdError, DuplicateIdError, type SwitchyardError, UnresolvedIdError } from '../errors.ts';
import { statusName } from '../grpc/status.ts';
import { excerpt } from '../quote.ts';
import { noteFound } from './learn.ts';
import type { Departure, Ledger, ObjectKind } from './ledger.ts';

export type Location =
  | { readonly kind: 'owned'; readonly backend: Backend; readonly id: string }
  /** Every backend was asked and denies the id, or it was removed through us. */
  | { readonly kind: 'absent' }
  /** Some backend could not be asked, or several hold something that fits. */
  | { readonly kind: 'undecided'; readonly error: SwitchyardError };

export type LocateOutcome = 'found' | 'absent' | 'unresolved' | 'ambiguous';

/** An object that was there, and is not any more. */
export interface GoneObject {
  readonly object: ObjectKind;
  readonly id: string;
  readonly backend: Backend;
}

export interface LocatorOptions {
  readonly backends: readonly Backend[];
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** What an earlier run knew to be gone. */
  readonly gone?: readonly GoneObject[];
  /** Told how each search ended. */
  onOutcome(outcome: LocateOutcome): void;
}

/** How long "nobody has it" is believed; a container made behind our back shows after that. */
const ABSENT_MS = 1_000;
/**
 * How long an id stays known as gone, so that the kubelet's repeated stops and removes cost nothing, and NOT_FOUND is
 * known while a backend that never had it cannot be asked.
 */
const GONE_MS = 10 * 60_000;
/** Absent and gone ids that are kept, of each. */
export const REMEMBERED_IDS = 4_000;
/** Ids have 64 characters; a client may ask for some of 16 MiB. One that is longer than all this is not remembered. */
const REMEMBERED_CHARACTERS = 1024 * 1024;

interface Match {
  readonly backend: Backend;
  readonly id: string;
  readonly parent: string;
  /** As the list showed it. */
  readonly record: Uint8Array;
}

/** Why a backend could not be asked. */
interface Trouble {
  readonly backend: string;
  readonly why: string;
}

export class Locator {
  private readonly options: LocatorOptions;
  private readonly searches = new Map<string, Promise<Location>>();
  private readonly absent: LRUCache<string, true>;
  /** Ids that are gone; with the backend that has listed all it has without them, unless they were removed. */
  private readonly gone: LRUCache<string, Backend | 'removed'>;

  constructor(options: LocatorOptions) {
    this.options = options;
    const perf = { now: () => options.clock.now() };
    const bounds = {
      max: REMEMBERED_IDS,
      maxSize: REMEMBERED_CHARACTERS,
      sizeCalculation: (_: unknown, key: string) => key.length,
      ttlResolution: 0,
      perf,
    };
    this.absent = new LRUCache<string, true>({ ...bounds, ttl: ABSENT_MS });
    this.gone = new LRUCache<string, Backend | 'removed'>({ ...bounds, ttl: GONE_MS });
    // How each went is not on record: so its backend has the word while it is there.
    for (const { object, id, backend } of options.gone ?? []) this.removed(object, id, backend, 'unlisted');
    options.ledger.watch(this);
  }

  /** The ledger has forgotten an object: those that go with their sandbox are gone like those that were removed. */
  removed(object: ObjectKind, id: string, backend: Backend, why: Departure): void {
    this.gone.set(`${object} ${id}`, why === 'removed' ? why : backend);
  }

  /** The object was removed by its owner: nobody needs to be asked about it for a while. */
  noteRemoved(object: ObjectKind, id: string): void {
    this.gone.set(`${object} ${id}`, 'removed');
  }

  /** Ledger, then memory of what is gone, then all backends; searches for one id at the same time are one search. */
  locate(object: ObjectKind, id: string): Promise<Location> {
    const known = this.options.ledger.find(object, id);
    if (known.kind === 'owned') return Promise.resolve(known);
    if (known.kind === 'ambiguous')
      return Promise.resolve({ kind: 'undecided', error: ambiguous(object, id) });
    const key = `${object} ${id}`;
    const gone = this.gone.get(key);
    // What is not in the last full list of its backend is gone, unless that can be asked again and knows better.
    const isGone = gone === 'removed' || gone?.isAbsent === true;
    if (id === '' || isGone || this.absent.has(key)) return Promise.resolve({ kind: 'absent' });
    let search = this.searches.get(key);
    if (search === undefined) {
      const asked = gone === undefined ? this.options.backends : [gone];
      search = this.search(object, id, asked).finally(() => this.searches.delete(key));
      this.searches.set(key, search);
    }
    return search;
  }

  /** Whether this backend, asked now, says that it has no such object. */
  async isGone(backend: Backend, object: ObjectKind, id: string): Promise<boolean> {
    const { matches, trouble } = await askFor(backend, object, id);
    return trouble === undefined && matches.length === 0;
  }

  private async search(object: ObjectKind, id: string, backends: readonly Backend[]): Promise<Location> {
    const { onOutcome } = this.options;
    const answers = await Promise.all(backends.map((backend) => askFor(backend, object, id)));
    const matches = answers.flatMap((answer) => answer.matches);
    const troubles = answers.flatMap((answer) => answer.trouble ?? []);
    const [match] = matches;
    if (match !== undefined && matches.length > 1) {
      onOutcome('ambiguous');
      const isTwin = matches.every((other) => other.id === match.id);
      return { kind: 'undecided', error: isTwin ? duplicate(object, matches) : ambiguous(object, id) };
    }
    // A whole id has one owner. A shortened one may fit something on a backend that could not be asked.
    if (match !== undefined && (match.id === id || troubles.length === 0)) {
      this.learn(object, match);
      onOutcome('found');
      return { kind: 'owned', backend: match.backend, id: match.id };
    }
    if (troubles.length > 0) {
      onOutcome('unresolved');
      const error = new UnresolvedIdError(
        `cannot tell whether ${object} ${excerpt(id)} exists, for not every backend could be asked: ${troubles.map(({ why }) => why).join('; ')}`,
        {
          hint: 'Try again when the backend is back',
          backends: troubles.map(({ backend }) => backend),
        },
      );
      return { kind: 'undecided', error };
    }
    onOutcome('absent');
    this.absent.set(`${object} ${id}`, true);
    return { kind: 'absent' };
  }

  private learn(object: ObjectKind, { backend, id, parent, record }: Match): void {
    const { ledger } = this.options;
    ledger.see(object, id, backend, 0, () => parent);
    if (ledger.ownerOf(object, id) === backend) noteFound(backend, object, id, parent, record);
  }
}

/** One backend's answer: what fits the id, or why it could not be asked. */
async function askFor(
  backend: Backend,
  object: ObjectKind,
  id: string,
): Promise<{ matches: Match[]; trouble?: Trouble }> {
  const failed = (why: string) => ({ matches: [], trouble: { backend: backend.name, why } });
  if (backend.isAbsent) return failed(backend.absenceError().message);
  const rpc = object === 'sandbox' ? 'ListPodSandbox' : 'ListContainers';
  const method = methodNamed(rpc) as ListMethod;
  const outcome = await backend.ask({
    service: method.service,
    rpc,
    request: encodeIdFilter(id),
    timeoutMs: backend.config.timeouts.listMs,
  });
  switch (outcome.kind) {
    case 'failed':
      return failed(outcome.error.message);
    case 'status':
      return failed(
        `${rpc} of backend ${backend.name} ends ${statusName(outcome.code)}: ${excerpt(outcome.text)}`,
      );
    case 'answered':
      return { matches: matchesIn(method, backend, outcome.message, id) };
    default:
      return outcome satisfies never;
  }
}

/** A runtime that does not know the filter would answer everything; only ids that fit count. */
function matchesIn(method: ListMethod, backend: Backend, message: Buffer, id: string): Match[] {
  const matches: Match[] = [];
  const parentPath = method.object === 'sandbox' ? method.record?.uid : method.record?.sandboxId;
  forEachRecord(message, 0, message.length, method.recordField, (recordStart, start, end) => {
    const found = readString(message, start, end, method.recordIdPath) ?? '';
    if (!found.startsWith(id)) return;
    const parent = (parentPath && readString(message, start, end, parentPath)) ?? '';
    matches.push({ backend, id: found, parent, record: message.subarray(recordStart, end) });
  });
  return matches;
}

function ambiguous(object: ObjectKind, id: string): AmbiguousIdError {
  return new AmbiguousIdError(`${object} id ${excerpt(id)} is the beginning of several ids`, {
    hint: 'Give more of the id',
  });
}

function duplicate(object: ObjectKind, matches: readonly Match[]): DuplicateIdError {
  const names = matches.map((match) => match.backend.name).join(' and ');
  return new DuplicateIdError(
    `${object} ${excerpt(matches[0]?.id ?? '')} is on the backends ${names} at once`,
    {
      hint: 'They are most likely two endpoints of one runtime: remove one from the config',
    },
  );
}
