// `switchyard explain`: the decision for one pod, with all that led to it.
import type { Config } from '../../config/config.ts';
import { type Decision, decide } from '../../routing/decide.ts';
import { explain as explainDecision, explanationLines } from '../../routing/explain.ts';
import { readConfig, readFile } from '../config-file.ts';
import { type CliContext, EXIT } from '../context.ts';
import type { OutputFormat } from '../flags.ts';
import { describePod, type PodFlags } from '../pod-attributes.ts';
import { EXPLAIN } from '../text.ts';

export interface ExplainFlags extends PodFlags {
  readonly config: string;
  /** File of a Pod manifest. */
  readonly pod: string | undefined;
  readonly output: OutputFormat;
}

/** Prints where the pod would go. Exits 1 when it would be refused. */
export async function explain(this: CliContext, flags: ExplainFlags): Promise<void> {
  const config = await readConfig(this, flags.config);
  if (config === undefined) return;
  const manifest =
    flags.pod === undefined
      ? undefined
      : (await import('../manifests.ts')).readPodManifest(await readFile(this, flags.pod), flags.pod);
  const { pod, assumptions } = describePod(flags, manifest);
  const decision = decide(config, pod);
  const explanation = explainDecision(config, pod, decision);
  const notes = [
    ...assumptions,
    ...(pod.uid === '' && isBySplit(config, decision) ? [EXPLAIN.splitWithoutUid] : []),
  ];
  if (flags.output === 'json') {
    this.process.stdout.write(`${JSON.stringify({ ...explanation, notes }, null, 2)}\n`);
  } else {
    const lines = [...explanationLines(explanation), ...notes.map(EXPLAIN.note)];
    this.process.stdout.write(`${lines.join('\n')}\n`);
  }
  if (decision.kind === 'refused') this.process.exitCode = EXIT.failed;
}

function isBySplit(config: Config, decision: Decision): boolean {
  return config.rules.some((rule) => rule.name === decision.rule && rule.target.kind === 'split');
}
