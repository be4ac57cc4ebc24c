// Where a pod is being placed right now, or may have been placed by a call whose answer was lost. Until that is known
// for certain, another RunPodSandbox of the same pod goes to the same backend: two sandboxes on two backends would
// make the kubelet kill and recreate the pod for ever.
import type { Backend } from '../backends/backend.ts';

interface Pin {
  readonly backend: Backend;
  holders: number;
}

/** Told of pins and doubts, for the journal. */
export interface PinWatcher {
  pinned(uid: string, backend: string): void;
  unpinned(uid: string): void;
  /** All backends that are in doubt now. */
  doubted(backends: readonly string[]): void;
}

export class Placements {
  private readonly pins = new Map<string, Pin>();
  /** Backends that may have pods, or be about to get some, that nobody knows of any more. */
  private readonly doubtful = new Set<Backend>();
  private watcher: PinWatcher | undefined;

  /** From now on pins are told to `watcher`. */
  watch(watcher: PinWatcher): void {
    this.watcher = watcher;
  }

  /** The backend the pod of this UID is being placed on. */
  backendOf(uid: string): Backend | undefined {
    return this.pins.get(uid)?.backend;
  }

  /** Pins the pod to a backend until the returned function is called (once; more does nothing). */
  pin(uid: string, backend: Backend): () => void {
    if (uid === '') return () => {};
    let pin = this.pins.get(uid);
    if (pin === undefined || pin.backend !== backend) {
      pin = { backend, holders: 0 };
      this.pins.set(uid, pin);
      this.watcher?.pinned(uid, backend.name);
    }
    const held = pin;
    held.holders++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      held.holders--;
      if (held.holders > 0 || this.pins.get(uid) !== held) return;
      this.pins.delete(uid);
      this.watcher?.unpinned(uid);
    };
  }

  /** Entries of the journal are lost: until the returned function is called, any pod may live on this backend. */
  doubt(backend: Backend): () => void {
    this.doubtful.add(backend);
    this.tellDoubts();
    return () => {
      if (this.doubtful.delete(backend)) this.tellDoubts();
    };
  }

  /** Whether any pod may live on this backend. */
  isInDoubt(backend: Backend): boolean {
    return this.doubtful.has(backend);
  }

  /** A backend in doubt other than this one, on which a pod is to be placed; undefined when there is none. */
  doubtBeside(backend: Backend): Backend | undefined {
    for (const other of this.doubtful) if (other !== backend) return other;
    return undefined;
  }

  private tellDoubts(): void {
    this.watcher?.doubted(Array.from(this.doubtful, ({ name }) => name));
  }
}
