// A decision for people and programs: which rule won, which were tried and why not, what the backend is sent.
// Read by `switchyard explain`, the demo table and the admin side; the words of a trace are made here, not in decide.ts.
import type { Config, Isolation } from '../config/config.ts';
import { excerpt, quote } from '../quote.ts';
import type { PodAttributes } from './attributes.ts';
import type { Decision, TraceStep } from './decide.ts';

/** A decision as plain data for JSON. */
export interface Explanation {
  readonly pod: ExplainedPod;
  readonly result: ExplainedResult;
  readonly trace: readonly ExplainedStep[];
}

/** PodAttributes as JSON can hold them. */
export interface ExplainedPod extends Omit<PodAttributes, 'labels' | 'annotations'> {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type ExplainedResult =
  | {
      readonly kind: 'placed';
      readonly rule: string;
      readonly backend: string;
      readonly isolation: Isolation;
      /** What the backend is sent. */
      readonly handler: string;
      readonly fallback?: { readonly backend: string; readonly handler: string };
    }
  | { readonly kind: 'refused'; readonly rule: string; readonly reason: string; readonly hint: string };

export interface ExplainedStep {
  readonly stage: TraceStep['stage'];
  readonly rule?: string;
  readonly outcome: TraceStep['outcome'];
  /** A sentence without capital and full stop. */
  readonly because: string;
}

/** The decision in full, with the trace in words. */
export function explain(config: Config, pod: PodAttributes, decision: Decision): Explanation {
  const { labels, annotations, ...rest } = pod;
  return {
    pod: { ...rest, labels: Object.fromEntries(labels), annotations: Object.fromEntries(annotations) },
    result: toResult(config, decision),
    trace: decision.trace.map((step) => ({ ...step, because: toWords(step.because) })),
  };
}

/** The explanation as lines for a terminal; the last line is the result. */
export function explanationLines({ pod, result, trace }: Explanation): string[] {
  const handler = pod.handler === '' ? 'no runtime handler' : `runtime handler ${quote(pod.handler)}`;
  const titles = trace.map(titleOf);
  const width = Math.max(...titles.map((title) => title.length));
  return [
    `pod ${excerpt(pod.namespace)}/${excerpt(pod.name)}, ${handler}`,
    ...trace.map(
      (step, i) =>
        `  ${(titles[i] ?? '').padEnd(width)}  ${OUTCOMES[step.outcome].padEnd(7)}  ${step.because}`,
    ),
    ...resultLines(result),
  ];
}

const OUTCOMES: Readonly<Record<TraceStep['outcome'], string>> = {
  'passed over': 'no',
  placed: 'yes',
  refused: 'refused',
};

function titleOf(step: ExplainedStep): string {
  return step.rule === undefined ? step.stage : `rule ${quote(step.rule)}`;
}

function resultLines(result: ExplainedResult): string[] {
  if (result.kind === 'refused') return [`refused: ${result.reason}`, `${result.hint}`];
  const { backend, isolation, fallback } = result;
  const lines = [
    `placed on backend ${backend} (isolation ${isolation}), which is sent ${sent(result.handler)}`,
  ];
  if (fallback !== undefined) {
    lines.push(
      `while that is absent: on backend ${fallback.backend}, which is sent ${sent(fallback.handler)}`,
    );
  }
  return lines;
}

function sent(handler: string): string {
  return handler === '' ? 'no runtime handler' : `runtime handler ${quote(handler)}`;
}

function toResult(config: Config, decision: Decision): ExplainedResult {
  if (decision.kind === 'refused') {
    const { rule, reason, hint } = decision;
    return { kind: 'refused', rule, reason, hint };
  }
  const { rule, backend, handler, fallback } = decision;
  const isolation = config.backends.find((one) => one.name === backend)?.isolation ?? 'shared';
  const placed = { kind: 'placed', rule, backend, isolation, handler } as const;
  return fallback === undefined ? placed : { ...placed, fallback };
}

function toWords(because: TraceStep['because']): string {
  if (typeof because === 'string') return because;
  const { key, wanted, found } = because;
  const has = found === undefined ? 'not set' : typeof found === 'string' ? quote(found) : String(found);
  return `${key} is ${has}, wanted ${wanted}`;
}
