// For whom an answer of a backend is collected: a call of a client, whose connection may hold so much and no more.

/** Counts what is kept. Switchyard's own questions have none. */
export interface ReplyKeeper {
  /** So much more is kept, or less when below zero. When there is no room for it, whoever collects is cancelled before the return. */
  keep(sizeBytes: number): void;
}
