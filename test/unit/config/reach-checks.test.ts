import { expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'a rule that takes a sandboxed handler to the host',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: gvisor }, backend: docker, handler: docker }
`),
    [
      `c.yaml:9:34: rule "r" would place pods that ask for "gvisor" (backend gvisor, isolation sandboxed) on docker (isolation shared): they are refused. Place them on a backend whose isolation is sandboxed or more`,
    ],
  ],
  [
    'a rule that takes sandboxed handlers by a glob',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "*", namespaces: [a] }, backend: containerd }
`),
    [
      `c.yaml:9:34: rule "r" would place pods that ask for "gvisor" (backend gvisor, isolation sandboxed) on containerd (isolation shared): they are refused. To place them on gvisor, put before it a rule with the same match and handler: "gvisor", and backend: gvisor`,
    ],
  ],
  [
    'a rule that takes any handler by existence',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: { exists: true } }, backend: gvisor }
`),
    [
      `c.yaml:9:34: rule "r" would place pods that ask for "kata" (backend kata, isolation vm) on gvisor (isolation sandboxed): they are refused. To place them on kata, put before it a rule with the same match and handler: "kata", and backend: kata`,
    ],
  ],
  [
    'a rule that takes every pod',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, backend: docker }
`),
    [
      `c.yaml:9:5: rule "r" also matches pods that ask for "gvisor" (backend gvisor, isolation sandboxed) and would place them on docker (isolation shared): they are refused. To place them on gvisor, put before it a rule with the same match and handler: "gvisor", and backend: gvisor`,
    ],
  ],
  [
    'a rule of other things, which some sandboxed pod may meet',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { namespaces: [a] }, backend: docker }
`),
    [
      `c.yaml:9:23: warning: rule "r" also matches pods that ask for "gvisor" (backend gvisor, isolation sandboxed) and would place them on docker (isolation shared): they are refused. To place them on gvisor, put before it a rule with the same match and handler: "gvisor", and backend: gvisor`,
    ],
  ],
  [
    'a split of which a part is too weak',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: kata }, split: [{ backend: kata, weight: 9 }, { backend: gvisor, weight: 1 }] }
`),
    [
      `c.yaml:9:34: rule "r" would place pods that ask for "kata" (backend kata, isolation vm) on gvisor (isolation sandboxed): they are refused. Place them on a backend whose isolation is vm or more`,
    ],
  ],
  [
    'a handler that the target does not expose',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: runc }, backend: docker }
`),
    [
      `c.yaml:9:34: rule "r" places pods that ask for "runc" on backend docker, which does not expose it. Say what to send instead: handler: "docker"`,
    ],
  ],
  [
    'a handler that nothing exposes, taken without saying what to send',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: crun }, backend: docker }
`),
    [
      `c.yaml:9:34: rule "r" places pods that ask for "crun" on backend docker, which does not expose it. Say what to send instead: handler: "docker"; or, if it knows this one, add it to the handlers of docker`,
    ],
  ],
  [
    'a handler that the fallback does not expose',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: runc }, backend: containerd, fallback: docker }
`),
    [
      `c.yaml:9:34: rule "r" places pods that ask for "runc" on backend docker, which does not expose it. Say what to send instead: handler: with a name that all backends of the rule know`,
    ],
  ],
  [
    'a rule after one that takes all',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: all, match: { handler: "*" }, backend: kata, handler: kata-qemu }
  - { name: r, match: { namespaces: [a] }, backend: docker }
`),
    [
      `c.yaml:10:5: warning: rule "r" never gets a pod: the earlier rule "all" takes all that it matches. Remove it`,
    ],
  ],
  [
    'a rule after one that takes its handler',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: plain, match: { handler: "" }, backend: docker }
  - { name: r, match: { handler: "", namespaces: [a] }, backend: containerd }
`),
    [
      `c.yaml:10:5: warning: rule "r" never gets a pod: the earlier rule "plain" takes all that it matches. Move it before rule "plain", or remove it`,
    ],
  ],
  [
    'a rule after one with the same match',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: one, match: { handler: "", labels: { a: b, c: d } }, backend: docker }
  - { name: r, match: { labels: { c: d, a: b }, handler: "" }, backend: containerd }
`),
    [
      `c.yaml:10:5: warning: rule "r" never gets a pod: the earlier rule "one" takes all that it matches. Move it before rule "one", or remove it`,
    ],
  ],
  [
    'a glob of handlers that the target does not expose',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "d*" }, backend: containerd }
`),
    [
      `c.yaml:9:34: warning: rule "r" places pods that ask for "docker" on backend containerd, which does not expose it. Say what to send instead: handler: "runc"`,
    ],
  ],
  [
    'pods without a handler sent to a default that is not the isolated one',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "", namespaces: [a] }, backend: kata }
`),
    [
      `c.yaml:9:5: warning: rule "r" sends pods without a runtime handler to the default of backend kata, which may not be its vm one. Say which to send: handler: kata-qemu`,
    ],
  ],
  [
    'a rule for tenants that keeps those from a stronger backend who ask for it',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { namespaces: ["tenant-*"] }, backend: gvisor }
`),
    [
      `c.yaml:9:23: warning: rule "r" also matches pods that ask for "kata" (backend kata, isolation vm) and would place them on gvisor (isolation sandboxed): they are refused. To place them on kata, put before it a rule with the same match and handler: "kata", and backend: kata`,
    ],
  ],
  [
    'a handler that the sandboxing target does not expose',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: crun, namespaces: ["tenant-*"] }, backend: gvisor }
`),
    [
      `c.yaml:9:34: rule "r" places pods that ask for "crun" on backend gvisor, which does not expose it. Say what to send instead: handler: ""`,
    ],
  ],
  [
    'a rule after one whose glob takes its namespaces',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: all, match: { namespaces: ["*-system", "tenant-*"], handler: "" }, backend: docker }
  - { name: r, match: { namespaces: ["tenant-a*", tenant-b], handler: "" }, backend: gvisor }
`),
    [
      `c.yaml:10:5: warning: rule "r" never gets a pod: the earlier rule "all" takes all that it matches. Move it before rule "all", or remove it`,
    ],
  ],
  [
    'a fallback that may be sent pods for its default runtime',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "", namespaces: [a] }, backend: gvisor, fallback: kata }
`),
    [
      `c.yaml:9:5: warning: rule "r" sends pods without a runtime handler to the default of backend kata, which may not be its vm one. Make kata-qemu the default runtime of kata, and write handlers: { kata: "" }`,
    ],
  ],
])('says what is wrong with %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

test.each<[title: string, text: string, problems: string[]]>([
  [
    'a rule that keeps to pods without a handler',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "", privileged: true }, backend: docker }
`),
    [],
  ],
  [
    'a rule that says by existence that it takes no handler',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: { exists: false } }, backend: docker }
`),
    [],
  ],
  [
    'a rule that takes a handler to more isolation',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: gvisor }, backend: kata, handler: kata-qemu }
`),
    [],
  ],
  [
    'a rule that takes a handler that nothing exposes, and says what to send',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: crun }, backend: docker, handler: docker }
`),
    [],
  ],
  [
    'a rule of other things after rules that take the sandboxed handlers',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: g, match: { handler: gvisor }, backend: gvisor }
  - { name: k, match: { handler: "k*" }, backend: kata }
  - { name: r, match: { namespaces: [a] }, backend: docker }
`),
    [],
  ],
  [
    'a rule for tenants after one for those who ask for more, and for a part of others',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: p, match: { namespaces: ["tenant-*"], handler: kata, privileged: true }, backend: kata }
  - { name: k, match: { namespaces: ["tenant-*"], handler: "k*" }, backend: kata }
  - { name: r, match: { namespaces: ["tenant-*"], labels: { a: b } }, backend: gvisor }
  - { name: s, match: { namespaces: ["tenant-*"] }, backend: gvisor }
`),
    [],
  ],
  [
    'a fallback to more isolation',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: "" } }
rules:
  - { name: r, match: { handler: "" }, backend: gvisor, fallback: kata }
`),
    [],
  ],
])('finds nothing wrong with %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
