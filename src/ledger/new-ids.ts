// Ids that a backend gives to what it has just made for a client: on record before the client can use them.
import type { Backend } from '../backends/backend.ts';
import { DuplicateIdError, MalformedMessageError } from '../errors.ts';
import { excerpt } from '../quote.ts';
import { ID_LIMIT_BYTES } from './learn.ts';
import type { Ledger } from './ledger.ts';

/**
 * Records a new pod sandbox. Throws DuplicateIdError when the id is another backend's: the client would go on with a pod
 * that is not its own.
 */
export function recordSandbox(ledger: Ledger, backend: Backend, id: string, podUid: string): void {
  checkLength(backend, id);
  if (!ledger.addSandbox(id, backend, podUid)) throw foreign(ledger, 'sandbox', backend, id);
}

/** The same for a container of a sandbox. */
export function recordContainer(ledger: Ledger, backend: Backend, id: string, sandboxId: string): void {
  checkLength(backend, id);
  if (!ledger.addContainer(id, backend, sandboxId)) throw foreign(ledger, 'container', backend, id);
}

function checkLength(backend: Backend, id: string): void {
  if (id.length <= ID_LIMIT_BYTES) return;
  throw new MalformedMessageError(
    `backend ${backend.name} gave an id of ${id.length} characters; the limit is ${ID_LIMIT_BYTES}`,
    { from: 'backend' },
  );
}

function foreign(
  ledger: Ledger,
  object: 'sandbox' | 'container',
  backend: Backend,
  id: string,
): DuplicateIdError {
  const owner = ledger.ownerOf(object, id)?.name ?? 'another backend';
  return new DuplicateIdError(
    `backend ${backend.name} gave the id ${excerpt(id)} to a new ${object}, which is the id of one on ${owner}`,
    {
      hint: 'Are they two endpoints of one runtime? Then remove one from the config; else look into that runtime',
    },
  );
}
