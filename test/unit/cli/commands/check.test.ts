import { describe, expect, it } from 'vitest';
import { runFake } from '../fake-context.ts';

const GOOD = `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
admin: { address: 127.0.0.1:9440 }
annotation: { namespaces: ["build-*"] }
backends:
  - name: containerd
    endpoint: unix:///run/nowhere/containerd.sock
    default: true
    handlers: { runc: runc }
  - name: gvisor
    endpoint: unix:///run/nowhere/gvisor.sock
    isolation: sandboxed
    handlers: { gvisor: "" }
rules:
  - name: tenants are sandboxed
    match: { namespaces: ["tenant-*"], handler: "" }
    backend: gvisor
  - name: canary
    match: { labels: { canary: { exists: true } }, privileged: false, handler: "" }
    split: [{ backend: containerd, weight: 9 }, { backend: gvisor, weight: 1 }]
`;

const BROKEN = `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
backends:
  - name: containerd
    endpont: unix:///run/containerd/containerd.sock
`;

const check = (text: string, ...flags: string[]) =>
  runFake(['check', '--config', 'c.yaml', ...flags], { files: { 'c.yaml': text } });

/** What is said of the socket of a backend. */
const missing = (name: string) => ({
  severity: 'warning',
  message: `the endpoint of backend ${name}: this machine has no /run/nowhere/${name}.sock`,
  hint: expect.stringContaining('Start its runtime'),
});

describe('check', () => {
  it('sums up a good config and exits 0, with a warning of each socket that this machine lacks', async () => {
    const { code, out, err } = await check(GOOD);
    expect(code).toBe(0);
    expect(err.split('\n').map((line) => /warning: (.*?)\./.exec(line)?.[1])).toEqual([
      'the endpoint of backend containerd: this machine has no /run/nowhere/containerd',
      'the endpoint of backend gvisor: this machine has no /run/nowhere/gvisor',
      undefined,
    ]);
    expect(out).toMatchInlineSnapshot(`
      "c.yaml is good.

      CRI socket          /run/switchyard/cri.sock
      metrics and health  127.0.0.1:9440
      streams             clients connect to the runtimes
      state               /var/lib/switchyard
      default backend     containerd
      annotation          switchyard.dev/backend chooses the backend in namespaces "build-*"

      BACKEND     SOCKET                        ISOLATION  HANDLERS
      containerd  /run/nowhere/containerd.sock  shared     runc
      gvisor      /run/nowhere/gvisor.sock      sandboxed  gvisor (sent as "")

      RULE                   MATCHES                                                PLACES ON
      tenants are sandboxed  handler "", namespaces "tenant-*"                      gvisor
      canary                 handler "", labels.canary any value, privileged false  containerd (weight 9), gvisor (weight 1)

      A pod that no rule matches goes to the backend that exposes its handler; without a handler, to the default.
      "
    `);
  });

  it('tells where streams are relayed', async () => {
    const relaying = `${GOOD}streaming: relay\nstreamingAddress: "[::1]:9441"\n`;
    expect((await check(relaying)).out).toContain('streams             relayed on [::1]:9441\n');
    const { out } = await check(relaying, '--output', 'json');
    expect(JSON.parse(out).summary.streamRelay).toBe('[::1]:9441');
  });

  it('sums it up as data in JSON', async () => {
    const { code, out } = await check(GOOD, '--output', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      file: 'c.yaml',
      isGood: true,
      problems: [
        { ...{ file: 'c.yaml', line: 7, column: 15 }, ...missing('containerd') },
        { ...{ file: 'c.yaml', line: 11, column: 15 }, ...missing('gvisor') },
      ],
      summary: {
        socket: '/run/switchyard/cri.sock',
        admin: '127.0.0.1:9440',
        stateDir: '/var/lib/switchyard',
        default: 'containerd',
        annotation: { key: 'switchyard.dev/backend', namespaces: ['"build-*"'] },
        backends: [
          {
            name: 'containerd',
            socket: '/run/nowhere/containerd.sock',
            isolation: 'shared',
            handlers: { '': '', runc: 'runc' },
          },
          {
            name: 'gvisor',
            socket: '/run/nowhere/gvisor.sock',
            isolation: 'sandboxed',
            handlers: { gvisor: '' },
          },
        ],
        rules: [
          {
            name: 'tenants are sandboxed',
            matches: 'handler "", namespaces "tenant-*"',
            places: 'gvisor',
          },
          {
            name: 'canary',
            matches: 'handler "", labels.canary any value, privileged false',
            places: 'containerd (weight 9), gvisor (weight 1)',
          },
        ],
      },
    });
  });

  it('prints each problem with file, line and column, and exits 3', async () => {
    const { code, out, err } = await check(BROKEN);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/^c\.yaml:5:5: .*endpont.*endpoint/);
  });

  it('gives the problems as data in JSON, and still exits 3', async () => {
    const { code, out, err } = await check(BROKEN, '-o', 'json');
    expect({ code, err }).toEqual({ code: 3, err: '' });
    const result: unknown = JSON.parse(out);
    expect(result).toMatchObject({ file: 'c.yaml', isGood: false, problems: [{ line: 5, column: 5 }] });
    expect(result).not.toHaveProperty('summary');
  });

  it('tells warnings, and takes the config', async () => {
    const { code, out, err } = await check(GOOD.replace('["build-*"]', '[]'));
    expect(code).toBe(0);
    expect(err).toContain('c.yaml:4:1: warning: ');
    expect(out).toContain('c.yaml is good.');
  });

  it('exits 1 when there is no such file', async () => {
    expect(await runFake(['check', '--config', '/nowhere/c.yaml'])).toEqual({
      code: 1,
      out: '',
      err: 'cannot read /nowhere/c.yaml: there is no such file\n',
    });
  });
});
