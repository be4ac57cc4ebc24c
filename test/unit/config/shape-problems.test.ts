import { expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'nothing at all',
    configText(``),
    [
      `c.yaml:1:1: the file has no backends. Add backends: [{ name: containerd, endpoint: unix:///run/containerd/containerd.sock }]`,
    ],
  ],
  [
    'another kind of file',
    `apiVersion: v1
kind: Pod
backends:
  - { name: a, endpoint: /run/a.sock }
`,
    [
      `c.yaml:1:13: apiVersion must be switchyard.dev/v1alpha1, not "v1"`,
      `c.yaml:2:7: kind must be SwitchyardConfiguration, not "Pod"`,
    ],
  ],
  [
    'a mistyped key',
    configText(`backend:
  - { name: a, endpoint: /run/a.sock }
`),
    [`c.yaml:3:1: unknown key "backend". Did you mean "backends"?`],
  ],
  [
    'a mistyped key in a list',
    configText(`backends:
  - name: a
    endpont: unix:///run/a.sock
`),
    [`c.yaml:5:5: unknown key "endpont" in backends[0]. Did you mean "endpoint"?`],
  ],
  [
    'a key that is like no other',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
zzz: 1
`),
    [
      `c.yaml:4:1: unknown key "zzz". The keys here are: apiVersion, kind, listen, admin, stateDir, runtimeName, annotation, backends, rules, streaming, streamingAddress, events, eventsPeriod, limits, shutdownGrace, log`,
    ],
  ],
  [
    'a missing key',
    configText(`backends:
  - endpoint: unix:///run/a.sock
`),
    [`c.yaml:4:5: backends[0] has no name. Add name: containerd`],
  ],
  [
    'an empty value',
    configText(`backends:
  - name: a
    endpoint:
`),
    [`c.yaml:5:5: backends[0].endpoint must not be empty. Write unix:///run/containerd/containerd.sock`],
  ],
  [
    'an empty list',
    configText(`backends: []
`),
    [
      `c.yaml:3:11: backends must not be empty. Write [{ name: containerd, endpoint: unix:///run/containerd/containerd.sock }]`,
    ],
  ],
  [
    'a number as a name',
    configText(`backends:
  - { name: 1, endpoint: /run/a.sock }
`),
    [
      `c.yaml:4:13: backends[0].name must be made of lower case letters, digits, "-" and ".", not 1. Put it in quotes: "1"`,
    ],
  ],
  [
    'a mapping as a list',
    configText(`backends: { name: a }
`),
    [`c.yaml:3:11: backends must be a list, not a mapping. Begin each entry with a dash: - name: containerd`],
  ],
  [
    'a list as a mapping',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen: [a]
`),
    [`c.yaml:4:9: listen must be a mapping, not a list. Write a mapping; its keys are: socket, mode, group`],
  ],
  [
    'yes as true',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, default: yes }
`),
    [`c.yaml:4:48: backends[0].default must be true or false, not "yes". Write true`],
  ],
  [
    '"true" as true',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
rules: [{ name: r, match: { privileged: "true" }, backend: containerd }]
`),
    [`c.yaml:4:41: rules[0].match.privileged must be true or false, not "true". Write true, without quotes`],
  ],
  [
    'an isolation that there is not',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, isolation: sandbox }
`),
    [
      `c.yaml:4:50: backends[0].isolation must be one of shared, sandboxed, vm, not "sandbox". Did you mean "sandboxed"?`,
    ],
  ],
  [
    'an isolation that is like no other',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, isolation: strong }
`),
    [`c.yaml:4:50: backends[0].isolation must be one of shared, sandboxed, vm, not "strong"`],
  ],
  [
    'a backend name in capitals',
    configText(`backends:
  - { name: Docker, endpoint: /run/a.sock }
`),
    [
      `c.yaml:4:13: backends[0].name must be made of lower case letters, digits, "-" and ".", not "Docker". Write docker`,
    ],
  ],
  [
    'a duration without a unit',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, timeouts: { list: 2, status: 2 s } }
`),
    [
      `c.yaml:4:57: backends[0].timeouts.list must be a duration such as 500ms, 2s or 1m30s, not 2. Write 2s`,
      `c.yaml:4:68: backends[0].timeouts.status must be a duration such as 500ms, 2s or 1m30s, not "2 s". Write 2s`,
    ],
  ],
  [
    'a size without a unit',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
limits: { messageSize: 16, callsInFlight: 0 }
`),
    [
      `c.yaml:4:24: limits.messageSize must be a size such as 16MiB, not 16. Write 16MiB`,
      `c.yaml:4:43: limits.callsInFlight must be at least 1, not 0`,
    ],
  ],
  [
    'a size in decimal units',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
limits: { messageSize: 16MB, callsInFlight: 1.5 }
`),
    [
      `c.yaml:4:24: limits.messageSize must be a size such as 16MiB, not "16MB". Write 16MiB`,
      `c.yaml:4:45: limits.callsInFlight must be a whole number, not 1.5`,
    ],
  ],
  [
    'a file mode as a number',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen:
  mode: 0660
`),
    [`c.yaml:5:9: listen.mode must be file mode bits in quotes, such as "0660", not 660. Write "0660"`],
  ],
  [
    'a label value that YAML reads as a number',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
rules:
  - name: r
    match: { labels: { a: 5, b: { exist: true }, c: { exists: 1 } } }
    backend: containerd
`),
    [
      `c.yaml:6:27: rules[0].match.labels.a must be a text, { exists: true } or { exists: false }, not 5. Put it in quotes: "5"`,
      `c.yaml:6:35: unknown key "exist" in rules[0].match.labels.b. Did you mean "exists"?`,
      `c.yaml:6:63: rules[0].match.labels.c.exists must be true or false, not 1. Write true or false, without quotes`,
    ],
  ],
  [
    'a namespace as a text',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
rules:
  - name: r
    match: { namespaces: "a" }
    backend: containerd
`),
    [`c.yaml:6:26: rules[0].match.namespaces must be a list, not "a". Write ["a"]`],
  ],
  [
    'handlers of another form',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, handlers: gvisor }
  - { name: b, endpoint: /run/b.sock, handlers: { gvisor: 1 } }
  - { name: c, endpoint: /run/c.sock, handlers: [1] }
`),
    [
      `c.yaml:4:49: backends[0].handlers must be a mapping such as { gvisor: runsc } or a list of names, not "gvisor". Write ["gvisor"]`,
      `c.yaml:5:59: backends[1].handlers.gvisor must be a text, not 1. Put it in quotes: "1"`,
      `c.yaml:6:50: backends[2].handlers[0] must be a text, not 1. Put it in quotes: "1"`,
    ],
  ],
  [
    'what stands behind an alias',
    configText(`backends:
  - name: a
    endpoint: /run/a.sock
    timeouts: &slow
      list: 5
  - name: b
    endpoint: /run/b.sock
    timeouts: *slow
`),
    [
      `c.yaml:7:13: backends[0].timeouts.list must be a duration such as 500ms, 2s or 1m30s, not 5. Write 5s`,
      `c.yaml:7:13: backends[1].timeouts.list must be a duration such as 500ms, 2s or 1m30s, not 5. Write 5s`,
    ],
  ],
  [
    'a rule name that is too long',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
rules:
  - { name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, backend: containerd }
`),
    [`c.yaml:5:13: rules[0].name must be at most 100 characters long`],
  ],
  [
    'an annotation key with blanks',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
annotation: { key: "a b" }
`),
    [
      `c.yaml:4:20: annotation.key must be an annotation key, such as switchyard.dev/backend, not "a b". Write a-b`,
    ],
  ],
])('says what to write instead of %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
