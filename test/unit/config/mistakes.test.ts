// Wrong configs as people write them, and what they are told: place, problem, and what to write instead.
import { expect, test } from 'vitest';
import { parseText } from '../../../src/config/document.ts';
import { problemsOf } from '../../support/config-problems.ts';

const H = 'apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n';
const B = 'backends:\n  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }\n';
const R = (match: string) => `${H}${B}rules:\n  - name: r\n    match: ${match}\n    backend: containerd\n`;

const mistakes: Readonly<Record<string, string>> = {
  'open bracket': `${H}backends: [\n  { name: a }\nlisten:\n  socket: /run/x.sock\nadmin:\n  address: 1\n`,
  'open quote': `${H}stateDir: "/a\n${B}`,
  'open single quote': `${H}stateDir: '/a\n${B}`,
  'open brace': `${H}backends:\n  - { name: a, endpoint: /run/a.sock\nrules: []\n`,
  'bad indent': `${H}backends:\n  - name: a\n     endpoint: /run/a.sock\n   default: true\n`,
  'key indent less': `${H}backends:\n  - name: a\n   endpoint: /run/a.sock\n`,
  'missing colon': `${H}backends\n  - name: a\n`,
  'missing space after colon': `${H}stateDir:/var/lib\n${B}`,
  'missing space after colon nested': `${H}backends:\n  - name:a\n    endpoint: /run/a.sock\n`,
  'missing space after dash': `${H}backends:\n  -name: a\n   endpoint: x\n`,
  equals: `${H}stateDir = /var/lib\n${B}`,
  '[*]': R('{ namespaces: [*] }'),
  '[*, a]': R('{ namespaces: [*-system, a] }'),
  '*foo value': R('{ handler: *foo }'),
  '* value': R('{ handler: * }'),
  '- *': `${H}${B}rules:\n  - name: r\n    match:\n      namespaces:\n        - *\n    backend: containerd\n`,
  '- *-system': `${H}${B}rules:\n  - name: r\n    match:\n      namespaces:\n        - *-system\n    backend: containerd\n`,
  'ns ci-*': R('{ namespaces: ci-* }'),
  'ns block ci-*': `${H}${B}rules:\n  - name: r\n    match:\n      namespaces: ci-*\n    backend: containerd\n`,
  'ns a, b': R('{ namespaces: "a, b" }'),
  'ns plain two': `${H}${B}rules:\n  - name: r\n    match:\n      namespaces: a, b\n    backend: containerd\n`,
  merge: `${H}base: &b { list: 2s }\nbackends:\n  - name: a\n    endpoint: /run/a.sock\n    timeouts:\n      <<: *b\n      status: 1s\n`,
  'merge in backends': `${H}backends:\n  - &a { name: a, endpoint: /run/a.sock, default: true }\n  - <<: *a\n    name: b\n`,
  dup: `${H}${B}stateDir: /a\nlisten: {}\nstateDir: /b\n`,
  'dup nested': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n    name: b\n`,
  'dup thrice': `${H}${B}stateDir: /a\nstateDir: /b\nstateDir: /c\n`,
  nul: `${H}${B}stateDir: "/a\0b"\n`,
  'nul bare': `${H}${B}\0\0\0`,
  'utf16le as utf8': Buffer.from(`\uFEFF${H}${B}`, 'utf16le').toString('utf8'),
  'utf16be as utf8': Buffer.from(`\uFEFF${H}${B}`, 'utf16le').swap16().toString('utf8'),
  'tab indent': `${H}backends:\n\t- name: a\n\t  endpoint: /run/a\n`,
  'tab indent2': `${H}backends:\n  - name: a\n\tendpoint: /run/a.sock\n`,
  'tab flow': `${H}backends: [\n\t{ name: a, endpoint: /run/a.sock }\n]\n`,
  'tab nested': `${H}listen:\n\tsocket: /run/a.sock\n${B}`,
  'empty rules': `${H}${B}rules:\n`,
  'empty match': `${H}${B}rules:\n  - name: r\n    match:\n    backend: containerd\n`,
  'empty listen': `${H}${B}listen:\nadmin:\n`,
  'empty backends': `${H}backends:\n`,
  'empty limits': `${H}${B}limits:\n  callsInFlight:\n`,
  'empty list item': `${H}backends:\n  -\n`,
  'empty rule item': `${H}${B}rules:\n  -\n`,
  'rules mapping': `${H}${B}rules:\n  name: r\n  backend: containerd\n`,
  'backends mapping by name': `${H}backends:\n  containerd:\n    endpoint: /run/a.sock\n`,
  'backends string': `${H}backends: containerd\n`,
  'backends list of strings': `${H}backends: [containerd]\n`,
  'handlers string': `${H}backends:\n  - { name: a, endpoint: /run/a.sock, handlers: runc }\n`,
  'handlers empty': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n    handlers:\n`,
  'handlers null val': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n    handlers:\n      gvisor:\n`,
  'address 9440': `${H}${B}admin: { address: 9440 }\n`,
  'address :9440': `${H}${B}admin: { address: ":9440" }\n`,
  'address "9440"': `${H}${B}admin: { address: "9440" }\n`,
  'address localhost': `${H}${B}admin: { address: localhost }\n`,
  'address sexagesimal': `${H}${B}admin: { address: 127:44 }\n`,
  'address v6': `${H}${B}admin: { address: ::1:9440 }\n`,
  'address v6 brackets unquoted': `${H}${B}admin: { address: [::1]:9440 }\n`,
  'address v6 brackets block': `${H}${B}admin:\n  address: [::1]:9440\n`,
  'address http': `${H}${B}admin: { address: "http://127.0.0.1:9440" }\n`,
  'address port 99999': `${H}${B}admin: { address: "127.0.0.1:99999" }\n`,
  'admin string': `${H}${B}admin: 127.0.0.1:9440\n`,
  'admin true': `${H}${B}admin: true\n`,
  'admin false': `${H}${B}admin: false\n`,
  'streamingAddress 9441': `${H}${B}streaming: relay\nstreamingAddress: 9441\n`,
  'streamingAddress unix': `${H}${B}streaming: relay\nstreamingAddress: unix:///run/x.sock\n`,
  'streaming true': `${H}${B}streaming: true\n`,
  'events true': `${H}${B}events: on\n`,
  'events false': `${H}${B}events: false\n`,
  'eventsPeriod 1': `${H}${B}eventsPeriod: 1\n`,
  'grace 10': `${H}${B}shutdownGrace: 10\n`,
  'listen string': `${H}${B}listen: /run/switchyard/cri.sock\n`,
  'mode 0660': `${H}${B}listen: { mode: 0660 }\n`,
  'mode 660': `${H}${B}listen: { mode: 660 }\n`,
  'mode rw': `${H}${B}listen: { mode: "rw-rw----" }\n`,
  'group num': `${H}${B}listen: { group: 1000 }\n`,
  'endpoint tcp': `${H}backends: [{ name: a, endpoint: "tcp://1.2.3.4:5" }]\n`,
  'endpoint two slashes': `${H}backends: [{ name: a, endpoint: unix://run/a.sock }]\n`,
  'endpoint relative': `${H}backends: [{ name: a, endpoint: run/a.sock }]\n`,
  'endpoint list': `${H}backends: [{ name: a, endpoint: [/run/a.sock] }]\n`,
  'name number': `${H}backends: [{ name: 1, endpoint: /run/a.sock }]\n`,
  'name underscore': `${H}backends: [{ name: my_runtime, endpoint: /run/a.sock }]\n`,
  'name empty': `${H}backends: [{ name: "", endpoint: /run/a.sock }]\n`,
  'weight string': `${H}${B}rules:\n  - { name: r, split: [{ backend: containerd, weight: "5" }] }\n`,
  'weight percent': `${H}${B}rules:\n  - { name: r, split: [{ backend: containerd, weight: 5% }] }\n`,
  'split mapping': `${H}${B}rules:\n  - { name: r, split: { containerd: 5 } }\n`,
  'label bool': R('{ labels: { a: true } }'),
  'labels list': R('{ labels: [a=b] }'),
  'labels string': R('{ labels: a=b }'),
  'label list value': R('{ labels: { a: [b, c] } }'),
  'handler list': R('{ handler: [runc, crun] }'),
  'handler null': R('{ handler: }'),
  'handler ~': R('{ handler: ~ }'),
  'namespace singular': R('{ namespace: a }'),
  'match list': `${H}${B}rules:\n  - name: r\n    match: [ { namespaces: [a] } ]\n    backend: containerd\n`,
  'privileged yes': R('{ privileged: yes }'),
  'no apiVersion': `kind: SwitchyardConfiguration\n${B}`,
  'wrong apiVersion': `apiVersion: v1alpha1\nkind: SwitchyardConfiguration\n${B}`,
  'other kind': `apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n`,
  'kubelet config': `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n`,
  toml: `version = 2\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n    x = "y"\n`,
  'json comma': `{ "apiVersion": "switchyard.dev/v1alpha1", "kind": "SwitchyardConfiguration", "backends": [ {"name": "a", "endpoint": "/run/a.sock"} ] "rules": [] }`,
  'json unclosed': `{ "apiVersion": "switchyard.dev/v1alpha1", "kind": "SwitchyardConfiguration", "backends": [ {"name": "a", "endpoint": "/run/a.sock"} `,
  'conflict markers': `${H}<<<<<<< HEAD\n${B}=======\nbackends: []\n>>>>>>> x\n`,
  diff: `--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n`,
  dots: `${H}${B}...\nfoo: bar\n`,
  'two docs': `${H}${B}---\n${H}${B}`,
  'trailing ---': `${H}${B}---\n`,
  template: `${H}backends:\n  - name: {{ .Name }}\n    endpoint: /run/a.sock\n`,
  percent: `${H}%foo\n${B}`,
  at: `${H}stateDir: @foo\n${B}`,
  backtick: `${H}stateDir: \`foo\`\n${B}`,
  bang: `${H}${B}rules:\n  - { name: r, match: { namespaces: [!kube-system] }, backend: containerd }\n`,
  bang2: `${H}${B}rules:\n  - { name: r, match: { namespaces: ["!kube-system"] }, backend: containerd }\n`,
  ampersand: `${H}stateDir: &foo\n${B}`,
  'colon in value': `${H}${B}rules:\n  - name: ci: builds\n    backend: containerd\n`,
  'hash in value': `${H}${B}rules:\n  - name: #1 rule\n    backend: containerd\n`,
  'curly value': `${H}stateDir: {foo}\n${B}`,
  'long value': `${H}stateDir: ${'x'.repeat(5000)}\n${B}`,
  'long key': `${H}${'y'.repeat(5000)}: 1\n${B}`,
  'long name': `${H}backends:\n  - { name: containerd, endpoint: /run/a.sock, default: true }\nrules:\n  - { name: r, backend: ${'z'.repeat(500)} }\n`,
  'long backend': `${H}backends:\n  - { name: ${'z'.repeat(5000)}, endpoint: "tcp:x" }\n`,
  'control chars': `${H}stateDir: "\\e[31mred"\n${B}`,
  'control ns': R('{ namespaces: ["\\e[31mred"] }'),
  'numeric key': `${H}${B}1: 2\n`,
  'complex key': `${H}${B}? [a, b]\n: c\n`,
  'nested backends': `${H}config:\n  backends: []\n`,
  proto: `${H}${B}__proto__: { x: 1 }\n`,
  windows: `${H}${B}stateDir: "C:\\var"\n`,
  'cr only': `${H}${B}`.replaceAll('\n', '\r'),
  'isolation upper': `${H}backends: [{ name: a, endpoint: /run/a.sock, isolation: VM }]\n`,
  'isolation none': `${H}backends: [{ name: a, endpoint: /run/a.sock, isolation: none }]\n`,
  'log string': `${H}${B}log: debug\n`,
  'log level trace': `${H}${B}log: { level: trace }\n`,
  'calls string': `${H}${B}limits: { callsInFlight: "10" }\n`,
  'calls 10_000': `${H}${B}limits: { callsInFlight: 10_000 }\n`,
  'calls 10k': `${H}${B}limits: { callsInFlight: 10k }\n`,
  'fallback list': `${H}${B}rules:\n  - { name: r, backend: containerd, fallback: [a] }\n`,
  'backend list': `${H}${B}rules:\n  - { name: r, backend: [containerd] }\n`,
  'annotation string': `${H}${B}annotation: switchyard.dev/backend\n`,
  'annotation ns string': `${H}${B}annotation: { namespaces: "*" }\n`,
  'a quote that swallows the next': `${H}stateDir: "/a\n${B}runtimeName: "x"\n`,
  'a missing dash': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n  name: b\n    endpoint: /run/b.sock\n`,
  'a bracket too many': `${H}backends: [{ name: a, endpoint: /run/a.sock }]]\n`,
  'a brace too many': `${H}backends: [{ name: a, endpoint: /run/a.sock }}]\n`,
  'a bracket closed by a brace': R('{ namespaces: [a, b }'),
  'a brace left open in a rule': `${H}${B}rules:\n  - name: r\n    match: { namespaces: [a, b]\n    backend: containerd\n`,
  'no-break spaces that indent': `${H}listen:\n\u00a0\u00a0socket: /run/x.sock\n${B}`,
  'a no-break space after a colon': `${H}stateDir:\u00a0/var/lib\n${B}`,
  'a colon of another script': `${H}stateDir： /var/lib\n${B}`,
  'a dash in a mapping': `${H}listen:\n  - socket: /run/x.sock\n${B}`,
  'a second entry indented otherwise': `${H}backends:\n- name: a\n  endpoint: /run/a.sock\n- name: b\n endpoint: /run/b.sock\n`,
  'a second line indented': `apiVersion: switchyard.dev/v1alpha1\n  kind: SwitchyardConfiguration\n${B}`,
  'a first line indented': `  apiVersion: switchyard.dev/v1alpha1\nkind: SwitchyardConfiguration\n${B}`,
  'handlers as a list of mappings': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n    handlers:\n      - gvisor: runsc\n`,
  'namespaces as a mapping': R('{ namespaces: { a: b } }'),
  'a namespace that exists': R('{ namespaces: [{ exists: true }] }'),
  'an empty namespace': R('{ namespaces: [~] }'),
  'a missing comma between keys': R('{ namespaces: [a] privileged: true }'),
  'an unknown escape': `${H}stateDir: "\\d"\n${B}`,
  'a mistyped alias': `${H}backends:\n  - { name: a, endpoint: /run/a.sock, timeouts: &slow { list: 5s } }\n  - { name: b, endpoint: /run/b.sock, default: true, timeouts: *slo }\n`,
  'an ini file': '[listen]\nsocket = /run/x\n',
  'a gzip file': '\x1f\ufffd\b\0',
  'a share without a weight': `${H}${B}rules:\n  - { name: r, split: [{ backend: containerd }] }\n`,
  'a timeout as a text': `${H}backends:\n  - { name: a, endpoint: /run/a.sock, timeouts: 2s }\n`,
  'a variable of the environment': `${H}backends:\n  - { name: a, endpoint: "\${SOCK}" }\n`,
  'an empty isolation': `${H}backends:\n  - name: a\n    endpoint: /run/a.sock\n    isolation:\n`,
  'an empty handler to send': `${H}${B}rules:\n  - name: r\n    backend: containerd\n    handler:\n`,
  'rule no name': `${H}${B}rules:\n  - match: { namespaces: [a] }\n    backend: containerd\n`,
};

/** The lines of a text, from the third one on where it begins as every config does. */
function shown(text: string): string {
  const rest = text.startsWith(H) ? text.slice(H.length) : text;
  const escaped = rest.replaceAll(/[^\n -~äöü]/g, (character) => JSON.stringify(character).slice(1, -1));
  const cut = escaped.length > 400 ? `${escaped.slice(0, 400)}...` : escaped;
  return cut.trimEnd().replaceAll(/^/gm, '  | ');
}

test('every mistake gets its place, its problem and what to write instead', async () => {
  const golden = Object.entries(mistakes)
    .map(([title, text]) => `${title}\n${shown(text)}\n${problemsOf(text).join('\n')}\n`)
    .join('\n');
  await expect(golden).toMatchFileSnapshot('mistakes.golden.txt');
});

test.each(Object.entries(mistakes))('%s: each line is short and names its place', (_, text) => {
  const problems = problemsOf(text);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.length).toBeLessThan(3);
  for (const problem of problems) {
    expect(problem).toMatch(/^c\.yaml:\d+:\d+: /);
    expect(problem.length).toBeLessThan(700);
    expect(problem).toMatch(/\. [A-Z"]|must be /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
    expect(problem).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  }
});

test.each([
  ['a mapping of 100,000 keys', `{${Array.from({ length: 100_000 }, (_, i) => `k${i}`).join(',')}}`],
  ['a key given 100,000 times', 'a: 1\n'.repeat(100_000)],
  ['300,000 aliases of nothing', `[${'*a,'.repeat(300_000)}]`],
  ['60,000 anchors and an alias of none', `[${'&a 1,'.repeat(60_000)}*zz]`],
])('is not held up by %s', { timeout: 30_000 }, (_, text) => {
  const parsed = parseText(text, 'c.yaml');
  if (parsed.kind === 'broken') expect(parsed.problems.length).toBeLessThan(30);
});
