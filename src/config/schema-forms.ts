// Forms of text that the keys of the config file share.
import * as z from 'zod';
import { DURATION } from './duration.ts';

// A file is checked once: compiling a checker for it takes longer than checking.
z.config({ jitless: true });

/** A text of one form. `error` tells the form, whatever else was found. */
export const formed = (pattern: RegExp, error: string) => z.string(error).regex(pattern, error);
/** A span of time with its unit. */
export const duration = () => formed(DURATION, 'must be a duration such as 500ms, 2s or 1m30s');
/** A name for people. */
export const name = () => z.string().min(1).max(100);

/** The name of a backend. */
export const backendName = () =>
  formed(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, 'must be made of lower case letters, digits, "-" and "."').max(
    63,
  );
