import { expect, test } from 'vitest';
import { configText, problemsOf } from '../../support/config-problems.ts';

test.each<[title: string, text: string, problems: string[]]>([
  [
    'two backends of one name',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: containerd, endpoint: /run/b.sock }
`),
    [`c.yaml:5:13: two backends are named containerd. Give each a name of its own`],
  ],
  [
    'a name that metrics use',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: several, endpoint: /run/b.sock }
`),
    [`c.yaml:5:13: several cannot be the name of a backend: metrics use it. Choose another name`],
  ],
  [
    'several backends without a default',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock }
  - { name: b, endpoint: /run/b.sock }
`),
    [
      `c.yaml:3:1: no backend is the default, so pods without a runtime handler have no place. Add default: true to one of a, b`,
    ],
  ],
  [
    'two defaults',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: /run/b.sock, default: true }
`),
    [
      `c.yaml:5:53: backend docker cannot be the default too: containerd is. Keep default: true in one of them`,
    ],
  ],
  [
    'cgroup drivers that differ: those of others from that of the default backend',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, cgroupDriver: cgroupfs }
  - { name: b, endpoint: /run/b.sock, default: true, cgroupDriver: systemd }
  - { name: c, endpoint: /run/c.sock, cgroupDriver: systemd }
  - { name: d, endpoint: /run/d.sock }
`),
    [
      `c.yaml:4:53: backend a uses the cgroup driver cgroupfs, but backend b uses systemd. Configure the same one in all runtimes: one kubelet has one cgroup driver`,
    ],
  ],
  [
    'an endpoint over TCP',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: "tcp://10.0.0.1:2375" }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must be a unix socket; tcp is not served. Write unix:///run/containerd/containerd.sock`,
    ],
  ],
  [
    'an endpoint over vsock',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: "vsock://3:1024" }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must be a unix socket; vsock is not served. Write unix:///run/containerd/containerd.sock`,
    ],
  ],
  [
    'an endpoint with two slashes',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: unix://run/docker.sock }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must have three slashes: two would begin a host name. Write unix:///run/docker.sock`,
    ],
  ],
  [
    'a relative endpoint',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: docker.sock }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must be an absolute path. Write unix:///run/containerd/containerd.sock`,
    ],
  ],
  [
    'an abstract socket',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: "unix:@docker" }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must be a path; abstract sockets have no file mode to protect them. Write unix:///run/containerd/containerd.sock`,
    ],
  ],
  [
    'a folder as an endpoint',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: unix:///run/docker/ }
`),
    [
      `c.yaml:5:31: endpoint of backend docker must be the path of a socket. Write unix:///run/containerd/containerd.sock`,
    ],
  ],
  [
    'an endpoint that is too long',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: unix:///run/üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü }
`),
    [
      `c.yaml:5:31: endpoint of backend docker is 125 bytes long, and a unix socket path holds 107. Choose a shorter path`,
    ],
  ],
  [
    'one socket twice',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: "unix:/run/./b/../a.sock" }
`),
    [
      `c.yaml:5:31: backend docker reaches the same socket as backend containerd. A container runtime is one backend: keep one of the two, with the handlers of both`,
    ],
  ],
  [
    'image services that are none of its own',
    configText(`backends:
  - { name: a, endpoint: /run/a.sock, imageEndpoint: /run/a.sock, default: true }
  - { name: b, endpoint: /run/b.sock, imageEndpoint: /run/stargz.sock }
  - { name: c, endpoint: /run/c.sock, imageEndpoint: unix:///run/stargz.sock }
  - { name: d, endpoint: /run/d.sock, imageEndpoint: /run/switchyard/cri.sock }
  - { name: e, endpoint: /run/e.sock, imageEndpoint: tcp://127.0.0.1:5000 }
`),
    [
      'c.yaml:4:54: the image service of backend a reaches the same socket as backend a. Leave imageEndpoint out: endpoint serves images too',
      'c.yaml:6:54: the image service of backend c reaches the same socket as backend b. Every backend has images of its own: name the image service that is its own',
      "c.yaml:7:54: the image service of backend d is Switchyard's own socket /run/switchyard/cri.sock. Name the socket of the container runtime, or choose another listen.socket",
      'c.yaml:8:54: imageEndpoint of backend e must be a unix socket; tcp is not served. Write unix:///run/containerd-stargz-grpc/containerd-stargz-grpc.sock',
    ],
  ],
  [
    'its own socket as a backend',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: unix:///run/switchyard/cri.sock }
`),
    [
      `c.yaml:5:31: backend docker is Switchyard's own socket /run/switchyard/cri.sock. Name the socket of the container runtime, or choose another listen.socket`,
    ],
  ],
  [
    'a handler of two backends',
    configText(`backends:
  - { name: containerd, endpoint: /run/a.sock, default: true, handlers: [runc] }
  - { name: docker, endpoint: /run/b.sock, handlers: { a: a, runc: x } }
`),
    [
      `c.yaml:5:62: backend docker exposes handler "runc", which backend containerd exposes already. Expose it by another name: handlers: { runc-docker: runc }`,
    ],
  ],
  [
    'the empty handler of a backend that is not the default',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker, ""] }
`),
    [
      `c.yaml:5:63: backend docker exposes the empty handler, which belongs to the default backend. Remove "", or make this backend the default if the pods that ask for no handler belong on it`,
    ],
  ],
  [
    'a handler given twice',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: /run/b.sock, handlers: [docker, docker] }
`),
    [`c.yaml:5:63: backend docker exposes handler "docker" twice`],
  ],
  [
    'a handler that no RuntimeClass can have',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: /run/b.sock, handlers: [Run_C] }
`),
    [
      `c.yaml:5:55: warning: no RuntimeClass can ask for handler "Run_C": only a-z, 0-9 and "-" are allowed there. To expose it by another name write handlers: { run-c: Run_C }`,
    ],
  ],
  [
    'timeouts out of range',
    configText(`backends:
  - { name: containerd, endpoint: unix:///run/a.sock, default: true }
  - { name: docker, endpoint: /run/b.sock, timeouts: { list: 1ms, status: 1m } }
`),
    [
      `c.yaml:5:62: backends[1].timeouts.list must be between 10ms and 2m`,
      `c.yaml:5:75: backends[1].timeouts.status must be between 10ms and 10s`,
    ],
  ],
])('says what is wrong with %s', (_, text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});
