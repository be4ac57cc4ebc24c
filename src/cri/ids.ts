// Branded ids: strings that the compiler does not let change places. The bytes of an id are never altered.

declare const brand: unique symbol;

/** The id a backend gave a pod sandbox. */
export type SandboxId = string & { readonly [brand]: 'SandboxId' };

/** The id a backend gave a container. */
export type ContainerId = string & { readonly [brand]: 'ContainerId' };

/** The UID of a Kubernetes pod; it may have several pod sandboxes, one after the other. */
export type PodUid = string & { readonly [brand]: 'PodUid' };

/** Says that this text, read from a message or the ledger's file, is the id of a pod sandbox. */
export function toSandboxId(text: string): SandboxId {
  return text as SandboxId;
}

/** Says that this text is the id of a container. */
export function toContainerId(text: string): ContainerId {
  return text as ContainerId;
}

/** Says that this text is the UID of a pod. */
export function toPodUid(text: string): PodUid {
  return text as PodUid;
}
