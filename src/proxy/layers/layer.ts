// A layer wraps the serving of a call; app.ts stacks them: observe, rescue, admit, then dispatch.
import type { Call } from '../call.ts';

/** Serves a call, now or later. */
export type Serve = (call: Call) => void | Promise<void>;

export type Layer = (next: Serve) => Serve;
