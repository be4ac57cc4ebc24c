import { expect, test } from 'vitest';
import { decide } from '../../../src/routing/decide.ts';
import { explain, explanationLines } from '../../../src/routing/explain.ts';
import { aConfig } from '../../support/a-config.ts';
import { aPod, type PodWish } from '../../support/a-pod.ts';

const config = aConfig({
  annotation: { key: 'example.com/backend', namespaces: ['build-*'] },
  backends: [
    { name: 'containerd', endpoint: '/run/a.sock', default: true },
    { name: 'gvisor', endpoint: '/run/b.sock', isolation: 'sandboxed', handlers: { gvisor: 'runsc' } },
    { name: 'kata', endpoint: '/run/c.sock', isolation: 'vm' },
  ],
  rules: [
    {
      name: 'system pods',
      match: { namespaces: ['kube-system', '*-system'], handler: '' },
      backend: 'containerd',
    },
    { name: 'needs docker', match: { handler: '', labels: { needs: 'docker' } }, backend: 'containerd' },
    {
      name: 'tenants',
      match: { handler: '', namespaces: ['tenant-*'] },
      backend: 'gvisor',
      handler: 'runsc',
      fallback: 'kata',
    },
  ],
});

function explained(wish: PodWish) {
  const pod = aPod(wish);
  return explain(config, pod, decide(config, pod));
}

test('prints which rule won, which were tried and why not, and what is sent', () => {
  expect(explanationLines(explained({ namespace: 'tenant-a' })).join('\n')).toMatchInlineSnapshot(`
    "pod tenant-a/web-0, no runtime handler
      annotation           no       example.com/backend is not set
      rule "system pods"   no       namespaces is "tenant-a", wanted "kube-system" or "*-system"
      rule "needs docker"  no       labels.needs is not set, wanted "docker"
      rule "tenants"       yes      it matches
    placed on backend gvisor (isolation sandboxed), which is sent runtime handler "runsc"
    while that is absent: on backend kata, which is sent runtime handler "runsc""
  `);
});

test('prints how a handler led to its backend', () => {
  expect(explanationLines(explained({ handler: 'gvisor' })).join('\n')).toMatchInlineSnapshot(`
    "pod default/web-0, runtime handler "gvisor"
      annotation           no       example.com/backend is not set
      rule "system pods"   no       handler is "gvisor", wanted ""
      rule "needs docker"  no       handler is "gvisor", wanted ""
      rule "tenants"       no       handler is "gvisor", wanted ""
      handler              yes      backend gvisor exposes "gvisor"
    placed on backend gvisor (isolation sandboxed), which is sent runtime handler "runsc""
  `);
});

test('prints why a pod is refused, and what to do', () => {
  expect(explanationLines(explained({ handler: 'crun' })).join('\n')).toMatchInlineSnapshot(`
    "pod default/web-0, runtime handler "crun"
      annotation           no       example.com/backend is not set
      rule "system pods"   no       handler is "crun", wanted ""
      rule "needs docker"  no       handler is "crun", wanted ""
      rule "tenants"       no       handler is "crun", wanted ""
      handler              refused  no backend exposes the runtime handler "crun"
    refused: no backend exposes the runtime handler "crun"
    Add it to the handlers of a backend; exposed are: gvisor"
  `);
});

test('prints why an annotation is ignored', () => {
  const wish = { annotations: { 'example.com/backend': 'kata' } };
  expect(explanationLines(explained(wish)).join('\n')).toMatchInlineSnapshot(`
    "pod default/web-0, no runtime handler
      annotation           no       example.com/backend is ignored in namespace "default": pods may choose only in "build-*"
      rule "system pods"   no       namespaces is "default", wanted "kube-system" or "*-system"
      rule "needs docker"  no       labels.needs is not set, wanted "docker"
      rule "tenants"       no       namespaces is "default", wanted "tenant-*"
      default              yes      the pod asks for no runtime handler
    placed on backend containerd (isolation shared), which is sent no runtime handler"
  `);
});

test('gives the same as plain data', () => {
  const explanation = explained({ namespace: 'tenant-a', labels: { app: 'web' } });
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  expect(explanation).toMatchInlineSnapshot(`
    {
      "pod": {
        "annotations": {},
        "handler": "",
        "hostIPC": false,
        "hostNetwork": false,
        "hostPID": false,
        "labels": {
          "app": "web",
        },
        "name": "web-0",
        "namespace": "tenant-a",
        "privileged": false,
        "uid": "6f9c1d52-7a44-4d1b-9a53-2f2f0c9d8f10",
      },
      "result": {
        "backend": "gvisor",
        "fallback": {
          "backend": "kata",
          "handler": "runsc",
        },
        "handler": "runsc",
        "isolation": "sandboxed",
        "kind": "placed",
        "rule": "tenants",
      },
      "trace": [
        {
          "because": "example.com/backend is not set",
          "outcome": "passed over",
          "stage": "annotation",
        },
        {
          "because": "namespaces is "tenant-a", wanted "kube-system" or "*-system"",
          "outcome": "passed over",
          "rule": "system pods",
          "stage": "rule",
        },
        {
          "because": "labels.needs is not set, wanted "docker"",
          "outcome": "passed over",
          "rule": "needs docker",
          "stage": "rule",
        },
        {
          "because": "it matches",
          "outcome": "placed",
          "rule": "tenants",
          "stage": "rule",
        },
      ],
    }
  `);
});

test('gives a refusal as plain data', () => {
  expect(explained({ handler: 'crun' }).result).toMatchInlineSnapshot(`
    {
      "hint": "Add it to the handlers of a backend; exposed are: gvisor",
      "kind": "refused",
      "reason": "no backend exposes the runtime handler "crun"",
      "rule": "handler",
    }
  `);
});
