// One Status out of those of all backends. The node's readiness follows the default backend: a NotReady of another one
// would stop every pod of the node, so that is said in conditions of its own and enforced when a pod is placed.
// Conditions go on as the bytes they came in.
import { forEachRecord, readBytes, readMap, readString, readVarint } from '../cri/wire.ts';
import { encodeMessage, encodeNumber, encodeText } from '../cri/wire-writer.ts';
import { sharedFields } from './shared-fields.ts';

/** One backend's part in the node's status. */
export interface StatusPart {
  readonly name: string;
  readonly isDefault: boolean;
  /** Its newest StatusResponse, which may be older than this call; undefined when it never gave one. */
  readonly reply: Buffer | undefined;
  /** Whether that is of now, or so young that a kubelet would still go by it. */
  readonly isFresh: boolean;
  /** Whether it answered just now. */
  readonly isUp: boolean;
  /** For people: its state, e.g. `is unreachable since ...`. */
  readonly detail: string;
  /** Why it takes no new pods, ready or not; undefined when it does. */
  readonly fault: { readonly reason: string; readonly message: string } | undefined;
}

/** A runtime handler of the node, and all places where a pod with it may land. */
export interface NodeHandler {
  readonly name: string;
  /** `handler` is the backend's own name for it. */
  readonly places: readonly { readonly backend: string; readonly handler: string }[];
}

// StatusResponse: status 1 > conditions 1 {type 1, status 2, reason 3, message 4}; info 2; runtime_handlers 3 {name 1,
// features 2}; features 4.
const STATUS = 1;
const STATUS_PATH = [STATUS];
const CONDITIONS = 1;
const INFO = 2;
const HANDLERS = 3;
const FEATURES = 4;
const HANDLER_NAME = 1;
const HANDLER_FEATURES = 2;
const RUNTIME_READY = 'RuntimeReady';
const NETWORK_READY = 'NetworkReady';

interface Condition {
  readonly type: string;
  readonly isTrue: boolean;
  readonly bytes: Uint8Array;
}

/** Whether mergeStatus can read a reply: one that is broken must not keep the others from being told. */
export function isReadableStatus(name: string, reply: Buffer): boolean {
  const part = { name, isDefault: true, reply, isFresh: true, isUp: true, detail: '', fault: undefined };
  try {
    mergeStatus([part], [{ name: '', places: [{ backend: name, handler: '' }] }]);
    return true;
  } catch {
    return false;
  }
}

/**
 * Merges into a StatusResponse; `parts` begin with the default backend. Throws MalformedMessageError when a reply does
 * not parse.
 */
export function mergeStatus(parts: readonly StatusPart[], handlers: readonly NodeHandler[]): Buffer {
  const conditions = mergeConditions(parts).map(({ bytes }) => encodeMessage(CONDITIONS, bytes));
  const replies = parts.map(({ reply }) => reply);
  const statuses = replies.map((reply) => reply && readBytes(reply, 0, reply.length, STATUS_PATH));
  return Buffer.concat([
    encodeMessage(STATUS, ...conditions, ...sharedFields(statuses, [CONDITIONS])),
    ...parts.flatMap(infoOf),
    ...runtimeHandlers(parts, handlers),
    ...sharedFeatures(replies),
    ...sharedFields(replies, [STATUS, INFO, HANDLERS, FEATURES]),
  ]);
}

function mergeConditions(parts: readonly StatusPart[]): Condition[] {
  const [first] = parts;
  const own = first === undefined ? [] : conditionsOf(first);
  const isAnyReady = parts.some((part) => part.isFresh && readyCondition(part)?.isTrue === true);
  const others = own.filter(({ type }) => type !== RUNTIME_READY && type !== NETWORK_READY);
  const said = own.find(({ type }) => type === RUNTIME_READY);
  const network = own.find(({ type }) => type === NETWORK_READY);
  const noNetwork = `switchyard: the default backend ${first?.name} ${first?.detail}`;
  return [
    said?.isTrue === isAnyReady
      ? said
      : condition(RUNTIME_READY, isAnyReady, 'NoBackendReady', 'switchyard: no backend is ready'),
    network ?? condition(NETWORK_READY, false, 'DefaultBackendNeverAnswered', noNetwork),
    ...others,
    ...(parts.length > 1 ? parts.map(backendReady) : []),
  ];
}

function backendReady(part: StatusPart): Condition {
  const type = `Backend.${part.name}.Ready`;
  const said = readyCondition(part);
  if (!part.isUp)
    return condition(type, false, 'BackendAbsent', `switchyard: backend ${part.name} ${part.detail}`);
  if (part.fault !== undefined) return condition(type, false, part.fault.reason, part.fault.message);
  if (said === undefined) return condition(type, false, 'NoRuntimeReady', '');
  const text = (field: number) => readString(said.bytes, 0, said.bytes.length, [field]) ?? '';
  return condition(type, said.isTrue, text(3), text(4));
}

/** Reason and message are for what is not true. */
function condition(type: string, isTrue: boolean, reason: string, message: string): Condition {
  const why = isTrue ? [] : [encodeText(3, reason), encodeText(4, message)];
  return {
    type,
    isTrue,
    bytes: Buffer.concat([encodeText(1, type), encodeNumber(2, Number(isTrue)), ...why]),
  };
}

function readyCondition(part: StatusPart): Condition | undefined {
  return conditionsOf(part).find(({ type }) => type === RUNTIME_READY);
}

function conditionsOf({ reply }: StatusPart): Condition[] {
  const status = reply && readBytes(reply, 0, reply.length, STATUS_PATH);
  const conditions: Condition[] = [];
  if (status === undefined) return conditions;
  forEachRecord(status, 0, status.length, CONDITIONS, (_, start, end) => {
    const type = readString(status, start, end, [1]) ?? '';
    const isTrue = (readVarint(status, start, end, [2]) ?? 0) !== 0;
    conditions.push({ type, isTrue, bytes: status.subarray(start, end) });
  });
  return conditions;
}

/** The default backend's info keeps its keys, as `crictl info` shows them; others' get their backend's name in front. */
function infoOf({ isDefault, name, reply }: StatusPart): Uint8Array[] {
  const info = reply === undefined ? new Map<string, string>() : readMap(reply, 0, reply.length, [INFO]);
  return [...info].map(([key, value]) =>
    encodeMessage(INFO, encodeText(1, isDefault ? key : `${name}.${key}`), encodeText(2, value)),
  );
}

/** Handlers as the node exposes them, each once, with the features that hold wherever a pod with it may land. */
function runtimeHandlers(parts: readonly StatusPart[], handlers: readonly NodeHandler[]): Uint8Array[] {
  const told = new Map(parts.map((part) => [part.name, toldHandlers(part)]));
  // No backend tells of handlers: an old runtime, which the kubelet knows by the empty list.
  if ([...told.values()].every(({ size }) => size === 0)) return [];
  return handlers.map(({ name, places }) => {
    const records = places.map(({ backend, handler }) => told.get(backend)?.get(handler));
    const features = records.map(
      (record) => record && readBytes(record, 0, record.length, [HANDLER_FEATURES]),
    );
    return encodeMessage(
      HANDLERS,
      encodeText(HANDLER_NAME, name),
      encodeMessage(HANDLER_FEATURES, ...sharedFields(features)),
      ...sharedFields(records, [HANDLER_NAME, HANDLER_FEATURES]),
    );
  });
}

/** What a backend tells of its handlers, by its own names. */
function toldHandlers({ reply }: StatusPart): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  if (reply === undefined) return records;
  forEachRecord(reply, 0, reply.length, HANDLERS, (_, start, end) => {
    records.set(readString(reply, start, end, [HANDLER_NAME]) ?? '', reply.subarray(start, end));
  });
  return records;
}

/** A feature of the node is one of every backend; claiming it for one that lacks it would weaken its pods silently. */
function sharedFeatures(replies: readonly (Buffer | undefined)[]): Uint8Array[] {
  const all = replies.map((reply) => reply && readBytes(reply, 0, reply.length, [FEATURES]));
  if (all.every((features) => features === undefined)) return [];
  return [encodeMessage(FEATURES, ...sharedFields(all))];
}
