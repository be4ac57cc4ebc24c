import { expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'two rules of one name',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: a, labels: {x: y} }, backend: docker, handler: docker }
  - { name: r, match: { handler: b }, backend: docker, handler: docker }
`),
    [`c.yaml:10:13: two rules are named "r". Give each a name of its own`],
  ],
  [
    'a name that means something else',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: default, match: { handler: "" }, backend: docker }
`),
    [
      `c.yaml:9:13: default cannot be the name of a rule: it stands for a decision without one. Choose another name`,
    ],
  ],
  [
    'a rule without a target',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" } }
`),
    [`c.yaml:9:5: rule "r" does not say where to place pods. Add backend: or split:`],
  ],
  [
    'a rule with two targets',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: docker, split: [{ backend: docker, weight: 1 }] }
`),
    [`c.yaml:9:64: rule "r" has backend and split. Keep one of the two`],
  ],
  [
    'a mistyped backend',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: containred }
`),
    [
      `c.yaml:9:49: rule "r" names backend containred, which is not among the backends. Did you mean "containerd"?`,
    ],
  ],
  [
    'a backend that is like no other',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: zzz }
`),
    [
      `c.yaml:9:49: rule "r" names backend zzz, which is not among the backends. The backends are: containerd, docker, gvisor, kata`,
    ],
  ],
  [
    'a split over a backend that there is not',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, split: [{ backend: docker, weight: 1 }, { backend: dokcer, weight: 1 }] }
`),
    [`c.yaml:9:91: rule "r" names backend dokcer, which is not among the backends. Did you mean "docker"?`],
  ],
  [
    'a split that names a backend twice',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, split: [{ backend: docker, weight: 1 }, { backend: docker, weight: 2 }] }
`),
    [`c.yaml:9:91: the split of rule "r" names backend docker twice. Add up the weights`],
  ],
  [
    'a split without any weight',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, split: [{ backend: docker, weight: 0 }] }
`),
    [`c.yaml:9:47: the split of rule "r" has no weight over 0. Give one backend a weight of 1`],
  ],
  [
    'a fallback that there is not',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: docker, fallback: podman }
`),
    [
      `c.yaml:9:67: rule "r" names backend podman, which is not among the backends. The backends are: containerd, docker, gvisor, kata`,
    ],
  ],
  [
    'a fallback to itself',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: docker, fallback: docker }
`),
    [
      `c.yaml:9:67: rule "r" falls back to backend docker, which it places pods on. Name another backend, or remove fallback`,
    ],
  ],
  [
    'a fallback to less isolation',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, backend: gvisor, fallback: docker }
`),
    [
      `c.yaml:9:67: rule "r" falls back from gvisor (isolation sandboxed) to docker (shared), which is weaker. Fall back only to a backend of the same isolation or more, or remove fallback`,
    ],
  ],
  [
    'a fallback to less isolation than a part of a split',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "" }, split: [{ backend: docker, weight: 1 }, { backend: kata, weight: 1 }], fallback: gvisor, handler: kata }
`),
    [
      `c.yaml:9:121: rule "r" falls back from kata (isolation vm) to gvisor (sandboxed), which is weaker. Fall back only to a backend of the same isolation or more, or remove fallback`,
    ],
  ],
  [
    'a namespace that cannot be',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker] }
  - { name: gvisor, endpoint: /run/c.sock, isolation: sandboxed, handlers: { gvisor: "" } }
  - { name: kata, endpoint: /run/d.sock, isolation: vm, handlers: { kata: kata-qemu } }
rules:
  - { name: r, match: { handler: "", namespaces: [kube_system, "ci-?"] }, backend: docker }
`),
    [
      `c.yaml:9:51: no namespace can match "kube_system". Names are made of a-z, 0-9 and "-"; only * is special, for any run of characters`,
      `c.yaml:9:64: no namespace can match "ci-?". Names are made of a-z, 0-9 and "-"; only * is special, for any run of characters`,
    ],
  ],
])('says what is wrong with %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
