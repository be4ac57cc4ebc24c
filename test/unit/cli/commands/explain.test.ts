import { describe, expect, it } from 'vitest';
import { runFake } from '../fake-context.ts';

const CONFIG = `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
backends:
  - name: containerd
    endpoint: unix:///run/nowhere/containerd.sock
    default: true
  - name: gvisor
    endpoint: unix:///run/nowhere/gvisor.sock
    isolation: sandboxed
    handlers: { gvisor: runsc }
  - name: vm
    endpoint: unix:///run/nowhere/vm.sock
    isolation: vm
rules:
  - name: privileged pods get a machine
    match: { privileged: true, handler: "" }
    backend: vm
  - name: half of the shop
    match: { namespaces: [shop], handler: "" }
    split: [{ backend: containerd, weight: 1 }, { backend: vm, weight: 1 }]
  - name: host network
    match: { hostNetwork: true, labels: { app: "web*" }, handler: "" }
    backend: vm
`;

const POD = `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: tools, labels: { app: web-1 } }
spec:
  runtimeClassName: gvisor
  containers: [{ name: main }]
`;

const explain = (...flags: string[]) =>
  runFake(['explain', '--config', 'c.yaml', ...flags], { files: { 'c.yaml': CONFIG, 'pod.yaml': POD } });

describe('explain', () => {
  it('prints which rules were tried and why not, and what the backend is sent', async () => {
    const { code, out, err } = await explain('--handler', 'gvisor', '--namespace', 'shop', '--name', 'web');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatchInlineSnapshot(`
      "pod shop/web, runtime handler "gvisor"
        rule "privileged pods get a machine"  no       handler is "gvisor", wanted ""
        rule "half of the shop"               no       handler is "gvisor", wanted ""
        rule "host network"                   no       handler is "gvisor", wanted ""
        handler                               yes      backend gvisor exposes "gvisor"
      placed on backend gvisor (isolation sandboxed), which is sent runtime handler "runsc"
      "
    `);
  });

  it('says the same in JSON', async () => {
    const { out } = await explain('--handler', 'gvisor', '-n', 'shop', '--label', 'a=b=c', '-o', 'json');
    const result: unknown = JSON.parse(out);
    expect(result).toMatchObject({
      pod: { namespace: 'shop', name: 'pod', handler: 'gvisor', labels: { a: 'b=c' } },
      result: { kind: 'placed', backend: 'gvisor', rule: 'handler', handler: 'runsc' },
      trace: [
        { outcome: 'passed over' },
        { outcome: 'passed over' },
        { outcome: 'passed over' },
        { outcome: 'placed' },
      ],
      notes: [],
    });
  });

  it('notes that no namespace and no pod can be called so', async () => {
    const { code, out } = await explain('--handler', 'gvisor', '--namespace', 'Ten_ant', '--name', 'We b');
    expect(code).toBe(0);
    expect(out).toContain('note: no namespace of Kubernetes can be called "Ten_ant": names are made of a-z');
    expect(out).toContain('note: no pod of Kubernetes can be called "We b": names are made of a-z');
  });

  it('exits 1 for a pod that would be refused, and says what to do', async () => {
    const { code, out } = await explain('--handler', 'kata');
    expect(code).toBe(1);
    expect(out).toContain('refused: no backend exposes the runtime handler "kata"');
  });

  it('takes an empty handler as none', async () => {
    const { out } = await explain('--handler', '');
    expect(out).toContain('placed on backend containerd');
  });

  it('takes switches and labels as attributes of the pod', async () => {
    expect((await explain('--privileged')).out).toContain('placed on backend vm');
    expect((await explain('--host-network', '--label', 'app=web-2')).out).toContain('placed on backend vm');
    expect((await explain('--host-network', '--label', 'app=db')).out).toContain(
      'placed on backend containerd',
    );
  });

  it('warns that a split goes by the UID, unless one is given', async () => {
    expect((await explain('-n', 'shop')).out).toContain('note: a split goes by the UID');
    expect((await explain('-n', 'shop', '--uid', 'u-1')).out).not.toContain('note:');
  });

  it('takes the pod from a manifest, and says that it assumed the handler', async () => {
    const { code, out } = await explain('--pod', 'pod.yaml');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "pod tools/web, runtime handler "gvisor"
        rule "privileged pods get a machine"  no       handler is "gvisor", wanted ""
        rule "half of the shop"               no       handler is "gvisor", wanted ""
        rule "host network"                   no       handler is "gvisor", wanted ""
        handler                               yes      backend gvisor exposes "gvisor"
      placed on backend gvisor (isolation sandboxed), which is sent runtime handler "runsc"
      note: runtimeClassName "gvisor" is taken as the runtime handler; if that RuntimeClass names another, give it with --handler
      "
    `);
  });

  it('lets flags win over the manifest', async () => {
    const { out } = await explain('--pod', 'pod.yaml', '--handler', '', '--host-network', '--name', 'other');
    expect(out).toContain('pod tools/other, no runtime handler');
    expect(out).toContain('placed on backend vm');
    expect(out).not.toContain('runtimeClassName');
  });

  it('exits 3 on a config that would be refused', async () => {
    const { code, out, err } = await runFake(['explain', '--config', 'c.yaml'], {
      files: { 'c.yaml': '[]' },
    });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/^c\.yaml:1:1: /);
  });

  it('exits 2 on a manifest without a pod', async () => {
    const { code, err } = await runFake(['explain', '--config', 'c.yaml', '--pod', 'd.yaml'], {
      files: { 'c.yaml': CONFIG, 'd.yaml': 'kind: Deployment' },
    });
    expect(code).toBe(2);
    expect(err).toContain('d.yaml holds no Pod, only Deployment');
  });
});
