// The rules of the config file as they are written; part of schema.ts.
import * as z from 'zod';
import { backendName, name } from './schema-forms.ts';

const value = () => z.union([z.string(), z.strictObject({ exists: z.boolean() })]);
const globs = () => z.array(z.string().min(1)).min(1);
const flag = (what: string) =>
  z.boolean().optional().describe(`true: only pods that ${what}; false: only those that do not.`);

const match = z.strictObject({
  handler: value()
    .optional()
    .describe(
      'The runtime handler the pod asks for; "" means none. Exact, a glob with *, or { exists: true }.',
    ),
  namespaces: globs().optional().describe('Names or globs with *; one of them must match.'),
  names: globs().optional().describe('Names of pods, or globs with *; one of them must match.'),
  labels: z
    .record(z.string(), value())
    .default({})
    .describe(
      'Labels of the pod: each value exact, a glob with *, or { exists: true } or { exists: false }.',
    ),
  annotations: z
    .record(z.string(), value())
    .default({})
    .describe('Annotations of the pod, written as labels are.'),
  privileged: flag('have a privileged container'),
  hostNetwork: flag('use the network of the host'),
  hostPID: flag('use the process ids of the host'),
  hostIPC: flag('use the IPC of the host'),
});

/** One entry of `rules`. */
export const rule = z.strictObject({
  name: name()
    .meta({ examples: ['system pods stay on the host runtime'] })
    .describe('Says what the rule is for; shown in traces, logs and metrics.'),
  match: match
    .prefault({})
    .describe('What must hold; all keys that are given. Without any the rule takes every pod.'),
  backend: backendName().optional().describe('Where to place the pod. Either this or split.'),
  split: z
    .array(
      z.strictObject({
        backend: backendName().describe('Where this share of the pods is placed.'),
        weight: z.number().min(0).max(1_000_000).describe('Its part of the sum of all weights.'),
      }),
    )
    .min(1)
    .optional()
    .describe(
      'Divides the pods by weight. A pod always goes the same way, and a changed weight moves the fewest.',
    ),
  fallback: backendName()
    .optional()
    .describe(
      'Takes the pod while the chosen backend cannot. Not less isolated than any backend of the rule.',
    ),
  handler: z
    .string()
    .optional()
    .describe(
      'The runtime handler to send, as the backend knows it. It replaces one that the pod asked for only if match has handler. Unless given, the handlers of the backend tell.',
    ),
});
