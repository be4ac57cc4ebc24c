import { symlink, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { identifySocketFile } from '../../../src/config/sockets.ts';
import { aConfig } from '../../support/a-config.ts';
import { configText, problemsOf } from '../../support/config-problems.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('fills in what the file leaves out', () => {
  const { backends, ...config } = aConfig();
  expect(config).toEqual({
    listen: { socket: '/run/switchyard/cri.sock', mode: 0o660, group: undefined },
    admin: undefined,
    stateDir: '/var/lib/switchyard',
    runtimeName: undefined,
    annotation: undefined,
    rules: [],
    streamRelay: undefined,
    events: { isServed: true, periodMs: 1_000 },
    limits: { messageSizeBytes: 16 * 1024 * 1024, callsInFlight: 10_000 },
    shutdownGraceMs: 10_000,
    log: { level: 'info', format: 'auto' },
  });
  expect(backends).toEqual([
    {
      name: 'containerd',
      socket: '/run/containerd/containerd.sock',
      isDefault: true,
      isolation: 'shared',
      handlers: new Map([['', '']]),
      timeouts: { listMs: 2_000, statusMs: 1_500 },
      streamingBase: undefined,
    },
  ]);
});

test('reads every key', () => {
  const text = configText(`
listen: { socket: "unix:///run/x/cri.sock", mode: "0600", group: kube }
admin: { address: "[::1]:9000" }
stateDir: /srv/switchyard
runtimeName: docker
annotation: { key: example.com/backend, namespaces: ["build-*"] }
backends:
  - name: a
    endpoint: unix:/run/a.sock
    isolation: vm
    handlers: { kata: kata-qemu, "": "" }
    timeouts: { list: 1m30s, status: 250ms }
    default: true
  - { name: b, endpoint: /run/b.sock, handlers: [b, c], cgroupDriver: systemd, streamingBase: "http://[::1]:10010/" }
rules:
  - name: one
    match:
      handler: { exists: false }
      namespaces: [x, "y-*"]
      names: ["web-*"]
      labels: { app: web, tier: { exists: true } }
      annotations: { example.com/x: "*" }
      privileged: true
      hostNetwork: false
      hostPID: true
      hostIPC: false
    split: [{ backend: a, weight: 3 }, { backend: b, weight: 0.5 }]
    handler: kata-clh
  - { name: two, match: { handler: b }, backend: b, fallback: a, handler: x }
streaming: relay
streamingAddress: 127.0.0.2:9441
events: off
eventsPeriod: 250ms
limits: { messageSize: 32MiB, callsInFlight: 7 }
shutdownGrace: 1s
log: { level: debug, format: json }
`);
  const loaded = loadConfig(text, 'c.yaml');
  expect('config' in loaded ? loaded.config : loaded.problems).toMatchInlineSnapshot(`
    {
      "admin": {
        "host": "::1",
        "kind": "tcp",
        "port": 9000,
      },
      "annotation": {
        "key": "example.com/backend",
        "namespaces": [
          {
            "kind": "glob",
            "parts": [
              "build-",
              "",
            ],
            "text": "build-*",
          },
        ],
      },
      "backends": [
        {
          "cgroupDriver": undefined,
          "handlers": Map {
            "kata" => "kata-qemu",
            "" => "",
          },
          "imageSocket": undefined,
          "isDefault": true,
          "isolation": "vm",
          "name": "a",
          "socket": "/run/a.sock",
          "streamingBase": undefined,
          "timeouts": {
            "listMs": 90000,
            "statusMs": 250,
          },
        },
        {
          "cgroupDriver": "systemd",
          "handlers": Map {
            "b" => "b",
            "c" => "c",
          },
          "imageSocket": undefined,
          "isDefault": false,
          "isolation": "shared",
          "name": "b",
          "socket": "/run/b.sock",
          "streamingBase": "http://[::1]:10010",
          "timeouts": {
            "listMs": 2000,
            "statusMs": 1500,
          },
        },
      ],
      "events": {
        "isServed": false,
        "periodMs": 250,
      },
      "limits": {
        "callsInFlight": 7,
        "messageSizeBytes": 33554432,
      },
      "listen": {
        "group": "kube",
        "mode": 384,
        "socket": "/run/x/cri.sock",
      },
      "log": {
        "format": "json",
        "level": "debug",
      },
      "rules": [
        {
          "fallback": undefined,
          "handler": "kata-clh",
          "match": {
            "annotations": Map {
              "example.com/x" => {
                "kind": "glob",
                "parts": [
                  "",
                  "",
                ],
                "text": "*",
              },
            },
            "handler": {
              "exists": false,
              "kind": "exists",
            },
            "hostIPC": false,
            "hostNetwork": false,
            "hostPID": true,
            "labels": Map {
              "app" => {
                "kind": "exact",
                "text": "web",
              },
              "tier" => {
                "exists": true,
                "kind": "exists",
              },
            },
            "names": [
              {
                "kind": "glob",
                "parts": [
                  "web-",
                  "",
                ],
                "text": "web-*",
              },
            ],
            "namespaces": [
              {
                "kind": "exact",
                "text": "x",
              },
              {
                "kind": "glob",
                "parts": [
                  "y-",
                  "",
                ],
                "text": "y-*",
              },
            ],
            "privileged": true,
          },
          "name": "one",
          "target": {
            "kind": "split",
            "shares": [
              {
                "backend": "a",
                "weight": 3,
              },
              {
                "backend": "b",
                "weight": 0.5,
              },
            ],
          },
        },
        {
          "fallback": "a",
          "handler": "x",
          "match": {
            "annotations": Map {},
            "handler": {
              "kind": "exact",
              "text": "b",
            },
            "hostIPC": undefined,
            "hostNetwork": undefined,
            "hostPID": undefined,
            "labels": Map {},
            "names": undefined,
            "namespaces": undefined,
            "privileged": undefined,
          },
          "name": "two",
          "target": {
            "backend": "b",
            "kind": "backend",
          },
        },
      ],
      "runtimeName": "docker",
      "shutdownGraceMs": 1000,
      "stateDir": "/srv/switchyard",
      "streamRelay": {
        "host": "127.0.0.2",
        "port": 9441,
      },
    }
  `);
});

test('freezes the config, deeply', () => {
  const config = aConfig({ rules: [{ name: 'r', match: { labels: { a: 'b*' } }, backend: 'containerd' }] });
  const label = config.rules[0]?.match.labels.get('a');
  for (const part of [config, config.listen, config.backends, config.backends[0], config.rules[0], label]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

test('gives a mapping of handlers and a list of them the same form', () => {
  const backends = (handlers: Record<string, string> | string[]) =>
    aConfig({ backends: [{ name: 'a', endpoint: '/run/a.sock', handlers }] }).backends;
  expect(backends(['x', 'y'])).toEqual(backends({ x: 'x', y: 'y' }));
});

test('lets the default backend map the empty handler', () => {
  const [backend] = aConfig({
    backends: [{ name: 'a', endpoint: '/run/a.sock', handlers: { '': 'runc' } }],
  }).backends;
  expect(backend?.handlers).toEqual(new Map([['', 'runc']]));
});

test('exposes no handlers of a backend that lists none and is not the default', () => {
  const { backends } = aConfig({
    backends: [
      { name: 'a', endpoint: '/run/a.sock', default: true },
      { name: 'b', endpoint: '/run/b.sock' },
    ],
  });
  expect(backends[1]?.handlers).toEqual(new Map());
});

test('reads JSON too', () => {
  const text = JSON.stringify({
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'SwitchyardConfiguration',
    backends: [{ name: 'a', endpoint: '/run/a.sock' }],
  });
  expect(problemsOf(text)).toEqual([]);
});

test('takes a config of which something is doubtful, and says what', () => {
  const text = configText(
    'admin: { address: "0.0.0.0:9440" }\nbackends: [{ name: a, endpoint: /run/a.sock }]\n',
  );
  const loaded = loadConfig(text, 'c.yaml');
  expect('config' in loaded && loaded.warnings.map(({ severity, line }) => [severity, line])).toEqual([
    ['warning', 3],
  ]);
});

test('lists problems in the order of the file', () => {
  const text = configText(`rules:
  - { name: r, backend: nobody }
backends:
  - { name: a, endpoint: a.sock, handlers: [X] }
stateDir: nowhere
`);
  expect(problemsOf(text).map((line) => line.split(':').slice(1, 3).join(':'))).toEqual([
    '4:25',
    '6:26',
    '6:45',
    '7:11',
  ]);
});

test('finds that two paths are one socket, by way of a symbolic link', async () => {
  await using dir = await tempDir();
  await writeFile(dir.file('a.sock'), '');
  await symlink('a.sock', dir.file('b.sock'));
  const text = configText(`backends:
  - { name: a, endpoint: "${dir.file('a.sock')}", default: true }
  - { name: b, endpoint: "${dir.file('b.sock')}" }
  - { name: c, endpoint: "${dir.file('c.sock')}" }
`);
  expect(problemsOf(text)).toEqual([]);
  expect(problemsOf(text, { identifySocket: identifySocketFile })).toEqual([
    'c.yaml:5:26: backend b reaches the same socket as backend a. A container runtime is one backend: keep one of the two, with the handlers of both',
  ]);
});

test('never throws, whatever the text is', () => {
  const word = fc.constantFrom(
    'backends',
    'rules',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '"',
    'match',
    '&a',
    '*a',
    '0',
    'name',
    '# ',
    '|',
    '---',
    '\t',
    '<<',
    '__proto__',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 5 })), { maxLength: 60 }), (words) => {
      loadConfig(words.join(''), 'c.yaml');
      loadConfig(configText(words.join('')), 'c.yaml');
    }),
    { numRuns: 500 },
  );
});

test('never throws, whatever the shape is', () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const key = fc.constantFrom(
    'listen',
    'admin',
    'annotation',
    'limits',
    'log',
    'rules',
    'backends',
    'stateDir',
  );
  const near = fc.record(
    { name: value, endpoint: value, handlers: value, match: value, split: value, backend: value },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.oneof(value, fc.array(near))), (file) => {
      const header = { apiVersion: 'switchyard.dev/v1alpha1', kind: 'SwitchyardConfiguration' };
      loadConfig(JSON.stringify({ ...header, ...file }), 'c.yaml');
    }),
    { numRuns: 100 },
  );
});

test('refuses a file nested deeper than any config is', () => {
  expect(problemsOf(configText(`rules: ${'['.repeat(200_000)}`))[0]).toMatch(/nested too deeply|not YAML/);
});
