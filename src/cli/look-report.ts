// What `serve` shows of its first look: tables for people.
import type { Config } from '../config/config.ts';
import { describeMatch } from './config-summary.ts';
import type { PodOutcome, SessionReport } from './kubelet-session.ts';
import type { BackendView } from './look-around.ts';
import type { SessionPod } from './session-pods.ts';
import { type Cell, formatTable, type Paint } from './table.ts';
import { LOOK, SESSION } from './text.ts';

/** The session: a line for each pod, then what held and what did not. */
export function formatSession({ outcomes, findings }: SessionReport, config: Config, paint: Paint): string {
  const rows = outcomes.map((outcome): readonly Cell[] => [
    `${outcome.pod.namespace}/${outcome.pod.name}`,
    askedFor(outcome.pod),
    placeOf(outcome),
    outcome.explanation.result.rule,
    whyOf(outcome, config),
  ]);
  const isAll = outcomes.every((outcome) => outcome.isExpected) && findings.every((finding) => finding.holds);
  return [
    `${SESSION.title}\n`,
    formatTable(SESSION.head, rows, paint),
    '\n',
    ...findings.map(({ text, holds }) => `${mark(holds, paint)} ${text}\n`),
    `\n${isAll ? paint('green', SESSION.expected) : paint('red', SESSION.unexpected)}\n`,
  ].join('');
}

/** The backends as they are. */
export function formatLook(views: readonly BackendView[], paint: Paint): string {
  const rows = views.map((view): readonly Cell[] => {
    const { name, socket, handlers, isDefault } = view.backend;
    const names = [...handlers.keys()].filter((handler) => handler !== '').join(', ');
    const fixed = [isDefault ? LOOK.isDefault(name) : name, socket, names];
    return view.kind === 'answers'
      ? [...fixed, String(view.pods), String(view.containers), view.runtime]
      : [...fixed, '', '', { text: view.reason, style: 'red' }];
  });
  return `\n${formatTable(LOOK.head, rows, paint)}`;
}

function askedFor(pod: SessionPod): string {
  if (pod.handler !== '') return SESSION.handler(pod.handler);
  const [annotation] = pod.annotations;
  return annotation === undefined ? SESSION.nothing : SESSION.annotation(...annotation);
}

/** Where the backends' own sockets show it; red when that is not what had to be. */
function placeOf({ foundOn, isExpected, failure }: PodOutcome): Cell {
  const text = foundOn.length > 0 ? foundOn.join(', ') : SESSION.refused;
  const style = failure !== undefined ? 'yellow' : 'green';
  return { text: isExpected ? text : SESSION.wrong(text), style: isExpected ? style : 'red' };
}

/** What decided; before it, why an annotation that the pod carries did not. */
function whyOf({ pod, explanation, failure, isExpected }: PodOutcome, config: Config): string {
  if (!isExpected && failure !== undefined) return failure;
  const { trace, result } = explanation;
  const ignored = trace.filter(
    (step) => step.stage === 'annotation' && step.outcome === 'passed over' && pod.annotations.size > 0,
  );
  const rule = config.rules.find(({ name }) => name === result.rule);
  const decisive = rule === undefined ? trace.at(-1)?.because : SESSION.matches(describeMatch(rule.match));
  return [...ignored.map((step) => step.because), decisive].join('; ');
}

function mark(holds: boolean, paint: Paint): string {
  return holds ? paint('green', LOOK.good) : paint('red', LOOK.bad);
}
