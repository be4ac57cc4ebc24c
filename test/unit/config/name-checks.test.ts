// Patterns that no name of Kubernetes can fit: the rule would never take a pod, which then lands on the default.
import { describe, expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

const withMatch = (match: string) =>
  configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: kata, endpoint: /run/b.sock, isolation: vm, handlers: [kata] }
rules:
  - { name: r, backend: kata, handler: kata, match: ${match} }
`);
const REGEX = 'patterns are globs, not regular expressions';
const NAMES = 'Names are made of a-z, 0-9 and "-"; only * is special, for any run of characters';

describe('a pattern that no name can fit is an error', () => {
  test.each<[match: string, message: string]>([
    ['{ namespaces: ["^tenant-.*$"] }', `no namespace can match "^tenant-.*$". Write "tenant-*": ${REGEX}`],
    ['{ namespaces: ["^tenant-"] }', `no namespace can match "^tenant-". Write "tenant-*": ${REGEX}`],
    ['{ namespaces: ["-ci$"] }', `no namespace can match "-ci$". Write "*-ci": ${REGEX}`],
    ['{ namespaces: ["ci-.+"] }', `no namespace can match "ci-.+". Write "ci-*": ${REGEX}`],
    [
      '{ namespaces: ["Tenant-*"] }',
      'no namespace can match "Tenant-*". Write "tenant-*": names are in lower case',
    ],
    ['{ namespaces: ["ci-?"] }', `no namespace can match "ci-?". ${NAMES}`],
    ['{ namespaces: ["-*"] }', `no namespace can match "-*". ${NAMES}`],
    ['{ namespaces: ["a.b"] }', `no namespace can match "a.b". ${NAMES}`],
    [`{ namespaces: ["${'a'.repeat(64)}*"] }`, `no namespace can match "${'a'.repeat(64)}*". ${NAMES}`],
    ['{ names: ["^web-.*"] }', `no pod can have a name that matches "^web-.*". Write "web-*": ${REGEX}`],
    ['{ names: ["Web"] }', 'no pod can have a name that matches "Web". Write "web": names are in lower case'],
    [
      '{ handler: "kata.*" }',
      `no RuntimeClass can have a handler that matches "kata.*". Write "kata*": ${REGEX}`,
    ],
    [
      '{ handler: Kata }',
      'no RuntimeClass can have a handler that matches "Kata". Write "kata": names are in lower case',
    ],
    [
      '{ labels: { tier: "^front.*$" } }',
      `no label can have a value that matches "^front.*$". Write "front*": ${REGEX}`,
    ],
    [
      '{ labels: { tier: "a b" } }',
      'no label can have a value that matches "a b". Values are made of letters, digits, "-", "_" and "."; only * is special, for any run of characters',
    ],
    [
      '{ labels: { "team-*": a } }',
      'no label can have the key "team-*". Write the key itself: only values may hold *',
    ],
    [
      '{ labels: { "a b": a } }',
      'no label can have the key "a b". Keys are made of letters, digits, "-", "_" and ".", with a domain and / before them or without',
    ],
    [
      '{ annotations: { "team-*": a } }',
      'no annotation can have the key "team-*". Write the key itself: only values may hold *',
    ],
  ])('%s', (match, message) => {
    const problems = problemsOf(withMatch(match));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.replace(/^c\.yaml:7:\d+: /, '')).toBe(message);
  });
});

test.each([
  '{ namespaces: ["*", "tenant-*", "*-system", "a*b*c", "0"] }',
  '{ names: ["web-*", "kube-proxy-node.example.com", "*.example"] }',
  '{ handler: "" }',
  '{ handler: "kata*" }',
  '{ handler: { exists: true } }',
  '{ labels: { "app.kubernetes.io/Name": "A_b.c*", x: "", y: "*", z: { exists: false } } }',
  `{ labels: { io.kubernetes.pod.name: "${'a'.repeat(100)}" } }`,
  '{ annotations: { "Example.com/Key_1": "^any text (at all)$" } }',
])('takes what a name can fit: %s', (match) => {
  expect(problemsOf(withMatch(match)).filter((problem) => /no .* can /.test(problem))).toEqual([]);
});

test('a namespace of the annotation that cannot be is an error too: its pods would land on the default', () => {
  const text = withMatch('{ namespaces: [a] }').replace(
    'rules:',
    'annotation: { namespaces: ["^ci-"] }\nrules:',
  );
  expect(problemsOf(text)).toEqual([`c.yaml:6:28: no namespace can match "^ci-". Write "ci-*": ${REGEX}`]);
});
