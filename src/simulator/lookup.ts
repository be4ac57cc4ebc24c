// Finds the sandbox or container a request names, or answers as the played runtime does when it has none.

import type { Container } from './container.ts';
import type { Lookup } from './object-index.ts';
import type { IdRpc } from './profile.ts';
import { refusalText } from './quirks.ts';
import { RpcError } from './rpc-error.ts';
import type { Sandbox } from './sandbox.ts';
import type { World } from './world.ts';

/** The sandbox, or undefined when the runtime answers the RPC as done without it. Throws its refusal otherwise. */
export function findSandbox(world: World, rpc: IdRpc, id: string): Sandbox | undefined {
  return take(world, rpc, id, world.sandboxes.find(id));
}

/** The container, or undefined when the runtime answers the RPC as done without it. Throws its refusal otherwise. */
export function findContainer(world: World, rpc: IdRpc, id: string): Container | undefined {
  return take(world, rpc, id, world.containers.find(id));
}

/** As findContainer, for RPCs that no runtime answers without the container. */
export function needContainer(world: World, rpc: IdRpc, id: string): Container {
  return need(findContainer(world, rpc, id), id);
}

/** As findSandbox, for RPCs that no runtime answers without the sandbox. */
export function needSandbox(world: World, rpc: IdRpc, id: string): Sandbox {
  return need(findSandbox(world, rpc, id), id);
}

function take<T>(world: World, rpc: IdRpc, id: string, lookup: Lookup<T>): T | undefined {
  if (lookup.kind === 'found') return lookup.object;
  const { ambiguousId, unknownId } = world.profile;
  const refused = lookup.kind === 'ambiguous' ? ambiguousId : unknownId[rpc];
  if (refused === 'ok') return undefined;
  throw new RpcError(refused.status, refusalText(refused, { id }));
}

function need<T>(object: T | undefined, id: string): T {
  if (object === undefined) throw new RpcError('NOT_FOUND', `"${id}" not found`);
  return object;
}
