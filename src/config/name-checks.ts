// Checks of what a match compares with names of Kubernetes. A pattern that no name can fit is an error: its rule would
// never take a pod, and pods that it was to isolate would land on the default backend.
import { quote } from '../quote.ts';
import { type ConfigPath, errorAt, type Finding } from './problems.ts';
import type { RuleEntry } from './schema.ts';

/** How the names of one kind are built; in Kubernetes: apimachinery, pkg/util/validation. */
interface NameForm {
  /** Fits each text that can be a part of such a name, all `*` being letters. */
  readonly pattern: RegExp;
  readonly lengthAtMost: number;
  readonly madeOf: string;
}

const LABEL: NameForm = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  lengthAtMost: 63,
  madeOf: 'Names are made of a-z, 0-9 and "-"',
};
const SUBDOMAIN: NameForm = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  lengthAtMost: 253,
  madeOf: 'Names are made of a-z, 0-9, "-" and "."',
};
const LABEL_VALUE: NameForm = {
  pattern: /^([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?$/,
  lengthAtMost: 63,
  madeOf: 'Values are made of letters, digits, "-", "_" and "."',
};
/** The kubelet puts the pod's name into a label without regard to its length. */
const KUBELET_LABEL_VALUE: NameForm = { ...LABEL_VALUE, lengthAtMost: 253 };

const LABEL_KEY = /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;

/** An error for a namespace, or a glob of them, that Kubernetes cannot have. */
export function checkNamespace(path: ConfigPath, namespace: string): Finding[] {
  return checkPattern(path, namespace, LABEL, 'no namespace can match');
}

/** Whether Kubernetes can have a namespace of that name. */
export function isNamespace(name: string): boolean {
  return !name.includes('*') && fits(name, LABEL);
}

/** Whether Kubernetes can have a pod of that name. */
export function isPodName(name: string): boolean {
  return !name.includes('*') && fits(name, SUBDOMAIN);
}

/** Errors for what `match`, at `path`, asks of names that no pod can have. */
export function checkMatchNames(path: ConfigPath, match: RuleEntry['match']): Finding[] {
  const { handler, namespaces = [], names = [], labels, annotations } = match;
  return [
    ...(typeof handler === 'string' && handler !== ''
      ? checkPattern([...path, 'handler'], handler, LABEL, 'no RuntimeClass can have a handler that matches')
      : []),
    ...namespaces.flatMap((namespace, i) => checkNamespace([...path, 'namespaces', i], namespace)),
    ...names.flatMap((name, i) =>
      checkPattern([...path, 'names', i], name, SUBDOMAIN, 'no pod can have a name that matches'),
    ),
    ...Object.entries(labels).flatMap(([key, value]) => {
      const at = [...path, 'labels', key];
      const form = key.startsWith('io.kubernetes.') ? KUBELET_LABEL_VALUE : LABEL_VALUE;
      if (!LABEL_KEY.test(key)) return [badKey(at, 'label', key)];
      return typeof value === 'string'
        ? checkPattern(at, value, form, 'no label can have a value that matches')
        : [];
    }),
    // Upper case is allowed in the domain of an annotation; its value is any text.
    ...Object.keys(annotations).flatMap((key) =>
      LABEL_KEY.test(key.toLowerCase()) ? [] : [badKey([...path, 'annotations', key], 'annotation', key)],
    ),
  ];
}

function badKey(path: ConfigPath, what: string, key: string): Finding {
  const hint = key.includes('*')
    ? 'Write the key itself: only values may hold *'
    : 'Keys are made of letters, digits, "-", "_" and ".", with a domain and / before them or without';
  return { ...errorAt(path, `no ${what} can have the key ${quote(key)}`, hint), at: 'key' };
}

function checkPattern(path: ConfigPath, text: string, form: NameForm, message: string): Finding[] {
  if (fits(text, form)) return [];
  return [errorAt(path, `${message} ${quote(text)}`, hintFor(text, form))];
}

function fits(text: string, { pattern, lengthAtMost }: NameForm): boolean {
  return text.replaceAll('*', '').length <= lengthAtMost && pattern.test(text.replaceAll('*', 'x'));
}

function hintFor(text: string, form: NameForm): string {
  const glob = toGlob(text);
  const lower = glob.toLowerCase();
  const meant = [glob, lower].find((candidate) => candidate !== text && fits(candidate, form));
  if (meant === undefined) return `${form.madeOf}; only * is special, for any run of characters`;
  const why = glob === text ? 'names are in lower case' : 'patterns are globs, not regular expressions';
  return `Write ${quote(meant)}: ${why}`;
}

/** A simple regular expression as a glob. One that is tied to one end of a name alone is open at the other. */
function toGlob(text: string): string {
  const [, start = '', middle = '', end = ''] = /^(\^?)(.*?)(\$?)$/s.exec(text) ?? [];
  const glob = middle
    .replaceAll(/\.[*+]\??/g, '*')
    .replaceAll('\\.', '.')
    .replaceAll('\\-', '-');
  const before = start === '' && end !== '' ? '*' : '';
  const after = start !== '' && end === '' ? '*' : '';
  return `${before}${glob}${after}`.replaceAll(/\*+/g, '*');
}
