// The way of one call through a simulated runtime: journal, faults, handler, answer. Everything grpc-js about it is here.

import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { sleep } from '../clock.ts';
import { CallScope } from './call-scope.ts';
import type { ActiveFault, FaultMoment, Faults } from './faults.ts';
import type { Reply, Streamed, Unary } from './handlers.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { ProcessCrash } from './process-crash.ts';
import type { ServedVersion } from './profile.ts';
import { RpcError, STATUS_NUMBER } from './rpc-error.ts';
import type { World } from './world.ts';

type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** Which RPC a call is for. */
export interface RpcName {
  readonly rpc: string;
  readonly service: string;
  readonly version: ServedVersion;
}

/** What calls share. */
export interface CallSurroundings {
  readonly world: World;
  readonly faults: Faults;
  readonly journal: Journal;
  /** The calls in flight, ended when the runtime closes. */
  readonly scopes: Set<CallScope>;
  /** Cuts all connections. */
  cut(): void;
  /** Ends the simulated process. */
  crash(): void;
}

/** How a call ended: `lost` when its connection was cut and there is nobody to answer. */
type Ending =
  | { kind: 'ok'; reply: Uint8Array; trailing: Metadata }
  | { kind: 'refused'; error: RpcError; trailing: Metadata }
  | { kind: 'lost' };

const EMPTY = new Uint8Array(0);

/** A refusal in the words of a Go gRPC server. */
export function unimplemented({ rpc, service }: RpcName): RpcError {
  return new RpcError('UNIMPLEMENTED', `unknown method ${rpc} for service ${service}`);
}

/** A grpc-js handler for a unary RPC. */
export function serveUnary<I extends DescMessage, O extends DescMessage>(
  around: CallSurroundings,
  name: RpcName,
  input: I,
  output: O,
  handler: Unary<I, O>,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const work = async (scope: CallScope) =>
      encode(output, await handler(decode(input, call.request), scope));
    void serve(around, name, call, work).then((ending) => {
      if (ending.kind === 'ok') callback(null, asBuffer(ending.reply), ending.trailing);
      else if (ending.kind === 'refused') callback(toStatus(ending));
    });
  };
}

/** A grpc-js handler for an RPC that answers with a stream. */
export function serveStream<I extends DescMessage, O extends DescMessage>(
  around: CallSurroundings,
  name: RpcName,
  input: I,
  output: O,
  handler: Streamed<I, O>,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const work = async (scope: CallScope) => {
      // The client knows by the headers that its stream stands; they do not wait for a first message.
      call.sendMetadata(scope.initial);
      await handler(decode(input, call.request), scope, (message) => {
        if (!scope.isOver) call.write(asBuffer(encode(output, message)));
      });
      return EMPTY;
    };
    void serve(around, name, call, work).then((ending) => {
      if (ending.kind === 'ok') call.end(ending.trailing);
      else if (ending.kind === 'refused') call.emit('error', toStatus(ending));
    });
  };
}

/** A grpc-js handler that always refuses: for RPCs the played runtime does not serve. */
export function serveRefusal(
  around: CallSurroundings,
  name: RpcName,
  error: RpcError,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    void serve(around, name, call, () => Promise.reject(error)).then((ending) => {
      if (ending.kind === 'refused') callback(toStatus(ending));
    });
  };
}

async function serve(
  around: CallSurroundings,
  name: RpcName,
  call: AnyCall,
  work: (scope: CallScope) => Promise<Uint8Array>,
): Promise<Ending> {
  const entry = journalEntry(name, call);
  around.journal.add(entry);
  if (name.version === 'v1alpha2') around.world.wasAskedInV1alpha2 = true;
  const scope = new CallScope(name.rpc, name.version, call);
  around.scopes.add(scope);
  const trailing = new Metadata();
  let ending: Ending;
  try {
    const faults = around.faults.meet(name.rpc);
    if (faults.length === 0) {
      ending = { kind: 'ok', reply: await work(scope), trailing };
    } else {
      await applyFaults(around, name, faults, 'before', scope, trailing);
      const reply = await work(scope);
      await applyFaults(around, name, faults, 'after', scope, trailing);
      ending = { kind: 'ok', reply, trailing };
    }
  } catch (error: unknown) {
    if (error instanceof ProcessCrash) around.crash();
    const refusal = scope.isClosed ? new RpcError('UNAVAILABLE', 'transport is closing') : toRefusal(error);
    ending = refusal === undefined ? { kind: 'lost' } : { kind: 'refused', error: refusal, trailing };
  }
  around.scopes.delete(scope);
  entry.ended = call.cancelled ? 'CANCELLED' : endingName(ending);
  return ending;
}

/** The status for what a handler or fault threw; undefined when there is nobody to tell. */
function toRefusal(error: unknown): RpcError | undefined {
  if (error instanceof RpcError) return error;
  if (error instanceof ProcessCrash || error instanceof AnswerLost) return undefined;
  return new RpcError('INTERNAL', `bug in the simulator: ${error}`);
}

/** Thrown where a call ends without an answer: its connection is cut, or nobody waits for it any more. */
class AnswerLost extends Error {}

async function applyFaults(
  around: CallSurroundings,
  name: RpcName,
  faults: readonly ActiveFault[],
  moment: FaultMoment,
  scope: CallScope,
  trailing: Metadata,
): Promise<void> {
  for (const { fault, cleared } of faults) {
    const when = 'when' in fault ? (fault.when ?? 'before') : 'before';
    if (when !== moment) continue;
    switch (fault.kind) {
      case 'delay':
        await untilAborted(sleep(around.world.clock, fault.delayMs, scope.signal), scope);
        break;
      case 'hang':
        await untilAborted(cleared, scope);
        break;
      case 'refuse':
        addMetadata(trailing, fault.metadata);
        throw new RpcError(fault.status, fault.message);
      case 'unimplemented':
        throw unimplemented(name);
      case 'cut':
        around.cut();
        throw new AnswerLost();
      case 'crash':
        throw new ProcessCrash();
      case 'metadata':
        addMetadata(scope.initial, fault.initial);
        addMetadata(trailing, fault.trailing);
        scope.sendInitial();
        break;
      default:
        fault satisfies never;
    }
  }
}

/** Waits for the promise, but not longer than the client does. */
async function untilAborted(promise: Promise<void>, scope: CallScope): Promise<void> {
  await Promise.race([promise, scope.over]).catch(() => undefined);
  if (scope.isOver) throw new AnswerLost();
}

function addMetadata(target: Metadata, values: Readonly<Record<string, string | Buffer>> | undefined): void {
  for (const [key, value] of Object.entries(values ?? {})) target.set(key, value);
}

function journalEntry({ rpc, service }: RpcName, call: AnyCall): JournalEntry {
  const deadline = Number(call.getDeadline());
  return {
    method: rpc,
    service,
    path: call.getPath(),
    requestBytes: call.request,
    metadata: call.metadata,
    host: call.getHost(),
    deadlineMs: Number.isFinite(deadline) ? deadline : undefined,
    ended: undefined,
  };
}

function endingName(ending: Ending): JournalEntry['ended'] {
  if (ending.kind === 'ok') return 'OK';
  return ending.kind === 'refused' ? ending.error.status : 'lost';
}

function toStatus({ error, trailing }: Extract<Ending, { kind: 'refused' }>) {
  return Object.assign(error, {
    code: STATUS_NUMBER[error.status],
    details: error.message,
    metadata: trailing,
  });
}

function decode<I extends DescMessage>(schema: I, bytes: Buffer) {
  try {
    return fromBinary(schema, bytes);
  } catch {
    throw new RpcError(
      'INTERNAL',
      'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
    );
  }
}

function encode<O extends DescMessage>(schema: O, reply: Reply<O>): Uint8Array {
  return reply instanceof Uint8Array ? reply : toBinary(schema, create(schema, reply));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
