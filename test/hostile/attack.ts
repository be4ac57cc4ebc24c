// What an attack is: data that attacker.ts plays, in a process of its own, against one role of Switchyard.
// To add one, write an entry into a list of attacks/ and run `npm run hostile -- --only "its name"`.
import type { AttackConnection } from './attack-connection.ts';

interface AttackTraits {
  /** A few words, as they stand in the name of its test. */
  readonly name: string;
  /** The CVE or document that describes it; where none is named, what it aims at. */
  readonly source: string;
  /** What takes the attacker long, done before the attack. */
  readonly prepare?: () => void;
  /** The most that Switchyard may ever have resident in memory while it lasts, its 80 MiB after the start included. */
  readonly peakMiB: number;
  /**
   * What becomes of the attacker's connections. `refused`: at least one ends by GOAWAY with `code`, or without one.
   * `borne`: Switchyard ends none of them. Left out where both are right.
   */
  readonly outcome?: { readonly kind: 'refused'; readonly code?: string } | { readonly kind: 'borne' };
}

/** How the bytes of a connection come about. Each part runs on every connection. */
interface AttackBytes {
  /** What is sent first; by default the preface (of a client) and SETTINGS. */
  readonly hello?: (connection: AttackConnection) => readonly Uint8Array[];
  /** What is sent again and again while the attack lasts and the socket takes it; undefined when there is no more. */
  readonly burst?: (connection: AttackConnection) => readonly Uint8Array[] | undefined;
  /** The pause between bursts; 0 unless named. */
  readonly everyMs?: number;
}

/** A hostile client: attacks our server's role. */
export interface ClientAttack extends AttackTraits, AttackBytes {
  readonly attacker: 'client';
  /** How many connections attack at the same time; 1 unless named. */
  readonly connections?: number;
  /** Whether it reads what we send; true unless named. */
  readonly reads?: boolean;
  /** How many calls of it Switchyard may take in a second; any number unless named. */
  readonly mostCallsPerSecond?: number;
  /** Whether the attacker leaves after its last burst, and comes again as after each end; false unless named. */
  readonly leaves?: boolean;
  /** How long it waits before it comes again; 20 unless named. */
  readonly returnsAfterMs?: number;
}

/** A call that came to a hostile backend. */
export interface HostileCall {
  readonly streamId: number;
  /** `ListContainers`. */
  readonly rpc: string;
}

/** A hostile backend: attacks our client's role. Up to the attack it answers as an honest one. */
export interface BackendAttack extends AttackTraits, AttackBytes {
  readonly attacker: 'backend';
  /** The answer to a call; undefined for the honest one, an empty list for none. */
  readonly answer?: (call: HostileCall, connection: AttackConnection) => readonly Uint8Array[] | undefined;
  /** Whether the attack begins with an end of all connections, so that `hello` is heard; true when it has a `hello`. */
  readonly reconnects?: boolean;
  /** How often Switchyard may connect to it in the first seconds; any number unless named. */
  readonly mostConnections?: number;
  /** Whether it closes the connection after each answer; false unless named. */
  readonly hangsUp?: boolean;
}

export type Attack = ClientAttack | BackendAttack;

/** What the attacker says of an attack when it is over. */
export interface AttackReport {
  /** Connections that stood. */
  readonly connections: number;
  /** Connections that could not be made. */
  readonly refusedDials: number;
  /** Connections that the other side ended before the attack was over. */
  readonly ended: number;
  /** GOAWAY frames other than NO_ERROR, by the name of their code. */
  readonly goaways: Readonly<Record<string, number>>;
  readonly bursts: number;
  readonly sentBytes: number;
  /** Frames that came, by type. */
  readonly frames: Readonly<Record<number, number>>;
}
