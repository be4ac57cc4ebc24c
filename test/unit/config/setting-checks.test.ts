import { expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'a listen socket that is not absolute',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen: { socket: cri.sock }
`),
    [`c.yaml:4:19: listen.socket must be an absolute path. Write /run/switchyard/cri.sock`],
  ],
  [
    'the listen socket of CRI-O',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen: { socket: /var/run/crio/crio.sock }
`),
    [
      `c.yaml:4:19: listen.socket must not end in run/crio/crio.sock: the kubelet then reads statistics from CRI-O itself. Write /run/switchyard/cri.sock`,
    ],
  ],
  [
    'a listen socket whose path is too long',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen: { socket: /run/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx }
`),
    [`c.yaml:4:19: listen.socket is 108 bytes long, and a unix socket path holds 107. Choose a shorter path`],
  ],
  [
    'a socket that everybody may write to',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen:
  socket: /run/cri.sock
  mode: "0666"
`),
    [
      `c.yaml:6:9: listen.mode lets every user of this node start containers as root. Write "0660" and name a group`,
    ],
  ],
  [
    'an admin address without a port',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: localhost }
`),
    [`c.yaml:4:19: admin.address must be host:port or unix:///path, not "localhost". Write localhost:9440`],
  ],
  [
    'an admin port that there is not',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: "127.0.0.1:70000" }
`),
    [
      `c.yaml:4:19: admin.address must be host:port or unix:///path, not "127.0.0.1:70000". A port is at most 65535: write 127.0.0.1:9440`,
    ],
  ],
  [
    'an admin address for all the world',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: "0.0.0.0:9440" }
`),
    [
      `c.yaml:4:19: warning: admin.address can be reached from other machines, without encryption and without a password. Write 127.0.0.1:9440 unless a firewall guards it`,
    ],
  ],
  [
    'an admin address that is the listen socket',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: unix:///run/switchyard/cri.sock }
`),
    [`c.yaml:4:19: admin.address is the same socket as listen.socket. Choose another path`],
  ],
  [
    'a state directory that is a socket of the config',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, imageEndpoint: unix:///run/b.sock, default: true }]
stateDir: /run//b.sock/
`),
    [
      `c.yaml:4:11: stateDir is the path of the imageEndpoint of backend containerd. Write /var/lib/switchyard`,
    ],
  ],
  [
    'a state directory that is the listen socket',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
stateDir: /run/switchyard/cri.sock
`),
    [`c.yaml:4:11: stateDir is the path of listen.socket. Write /var/lib/switchyard`],
  ],
  [
    'a state directory below a socket of the config',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: unix:///run/admin.sock }
stateDir: /run/admin.sock/state
`),
    [
      `c.yaml:5:11: stateDir lies below admin.address, and a socket is no directory. Write /var/lib/switchyard`,
    ],
  ],
  [
    'a socket below another one',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/switchyard/cri.sock/a.sock, default: true }]
`),
    [
      `c.yaml:3:42: the endpoint of backend containerd lies below listen.socket, and a socket is no directory. Choose another path for one of the two`,
    ],
  ],
  [
    "sockets in the state directory: a warning, and an error for the names of Switchyard's own files",
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
listen: { socket: /var/lib/switchyard/cri.sock }
admin: { address: unix:///var/lib/switchyard/journal }
`),
    [
      `c.yaml:4:19: warning: listen.socket is in stateDir, which nobody but Switchyard may enter. Choose another path, such as /run/switchyard/cri.sock`,
      `c.yaml:5:19: admin.address has the name of a file that Switchyard makes in stateDir. Choose another path, such as /run/switchyard/journal`,
    ],
  ],
  [
    'an admin address that is a backend',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
admin: { address: unix:///run/a.sock }
`),
    [
      `c.yaml:4:19: admin.address is the same socket as the endpoint of backend containerd. Choose another path`,
    ],
  ],
  [
    'a state directory that is not absolute',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
stateDir: state
`),
    [`c.yaml:4:11: stateDir must be an absolute path. Write /var/lib/switchyard`],
  ],
  [
    'a grace time that is too long',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
shutdownGrace: 1h
`),
    [`c.yaml:4:16: shutdownGrace must be between 0s and 10m`],
  ],
  [
    'a period for events that is too short',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
eventsPeriod: 1ms
`),
    [`c.yaml:4:15: eventsPeriod must be between 100ms and 1m`],
  ],
  [
    'a message size that is too small',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
limits: { messageSize: 1KiB }
`),
    [`c.yaml:4:24: limits.messageSize must be between 64KiB and 1GiB`],
  ],
  [
    'an annotation that no namespace may use',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
annotation: { key: a.example/b }
`),
    [
      `c.yaml:4:1: warning: annotation.namespaces is empty, so no pod may choose its backend by a.example/b. List namespaces: namespaces: ["build-*"]`,
    ],
  ],
  [
    'a regular expression as a namespace',
    configText(`backends: [{ name: containerd, endpoint: unix:///run/a.sock, default: true }]
annotation:
  namespaces: ["ci-.*"]
`),
    [
      `c.yaml:5:16: no namespace can match "ci-.*". Write "ci-*": patterns are globs, not regular expressions`,
    ],
  ],
])('says what is wrong with %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
