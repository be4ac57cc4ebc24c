// Reads a Pod manifest and says what the kubelet would ask for when it runs that pod. For `explain --pod`.
import * as z from 'zod';
import { parseObjects } from '../config/document.ts';
import { formatProblem } from '../config/problems.ts';
import { UsageError } from './context.ts';
import { MANIFEST } from './text.ts';

/** What a manifest says about the pod; what it leaves out is undefined or empty. */
export interface ManifestPod {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly runtimeClassName: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** As the kubelet reckons: one container of any kind is enough. */
  readonly privileged: boolean;
  readonly hostNetwork: boolean;
  readonly hostPID: boolean;
  readonly hostIPC: boolean;
}

const texts = z.record(z.string(), z.string()).nullish();
const containers = z
  .array(z.looseObject({ securityContext: z.looseObject({ privileged: z.boolean().nullish() }).nullish() }))
  .nullish();
const flag = z.boolean().nullish();

const podSchema = z.looseObject({
  metadata: z
    .looseObject({
      name: z.string().nullish(),
      namespace: z.string().nullish(),
      uid: z.string().nullish(),
      labels: texts,
      annotations: texts,
    })
    .nullish(),
  spec: z.looseObject({
    runtimeClassName: z.string().nullish(),
    hostNetwork: flag,
    hostPID: flag,
    hostIPC: flag,
    containers,
    initContainers: containers,
    ephemeralContainers: containers,
  }),
});

/** Reads the only Pod of `text`. Throws a UsageError when there is none, or several, or it is not well formed. */
export function readPodManifest(text: string, file: string): ManifestPod {
  const parsedText = parseObjects(text, file);
  if (parsedText.kind === 'broken') throw new UsageError(parsedText.problems.map(formatProblem).join('\n'));
  const { values } = parsedText;
  const [pod, ...others] = values.filter((value) => kindOf(value) === 'Pod');
  if (pod === undefined) {
    throw new UsageError(
      MANIFEST.noPod(
        file,
        values.flatMap((value) => kindOf(value) ?? []),
      ),
    );
  }
  if (others.length > 0) throw new UsageError(MANIFEST.severalPods(file, others.length + 1));
  const parsed = podSchema.safeParse(pod);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const expected = issue?.code === 'invalid_type' ? issue.expected : '';
    throw new UsageError(MANIFEST.badField(file, issue?.path.join('.') ?? '', expected));
  }
  return toManifestPod(parsed.data);
}

function toManifestPod({ metadata, spec }: z.infer<typeof podSchema>): ManifestPod {
  const all = [spec.initContainers, spec.containers, spec.ephemeralContainers].flatMap((some) => some ?? []);
  return {
    name: metadata?.name ?? undefined,
    namespace: metadata?.namespace ?? undefined,
    uid: metadata?.uid ?? undefined,
    runtimeClassName: spec.runtimeClassName ?? undefined,
    labels: new Map(Object.entries(metadata?.labels ?? {})),
    annotations: new Map(Object.entries(metadata?.annotations ?? {})),
    privileged: all.some((container) => container.securityContext?.privileged === true),
    hostNetwork: spec.hostNetwork === true,
    hostPID: spec.hostPID === true,
    hostIPC: spec.hostIPC === true,
  };
}

function kindOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  return typeof value.kind === 'string' ? value.kind : undefined;
}
