import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/context.ts';
import { readPodManifest } from '../../../src/cli/manifests.ts';

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  labels: { app: web }
  annotations: { team: "7" }
spec:
  runtimeClassName: gvisor
  hostNetwork: true
  containers:
    - { name: main, image: demo }
`;

describe('a Pod manifest', () => {
  it('gives what the kubelet would send', () => {
    expect(readPodManifest(POD, 'pod.yaml')).toEqual({
      name: 'web',
      namespace: 'shop',
      uid: undefined,
      runtimeClassName: 'gvisor',
      labels: new Map([['app', 'web']]),
      annotations: new Map([['team', '7']]),
      privileged: false,
      hostNetwork: true,
      hostPID: false,
      hostIPC: false,
    });
  });

  it.each(['containers', 'initContainers', 'ephemeralContainers'])(
    'is privileged when one of its %s is',
    (kind) => {
      const text = `kind: Pod\nspec:\n  ${kind}:\n    - { name: a }\n    - { name: b, securityContext: { privileged: true } }\n`;
      expect(readPodManifest(text, 'pod.yaml').privileged).toBe(true);
    },
  );

  it('is found among other objects', () => {
    expect(readPodManifest(`kind: Service\nspec: {}\n---\n${POD}`, 'all.yaml').name).toBe('web');
  });

  it('may be JSON', () => {
    expect(readPodManifest('{"kind":"Pod","metadata":{"name":"a"},"spec":{}}', 'pod.json').name).toBe('a');
  });

  it.each([
    ['', 'pod.yaml holds no Pod'],
    [
      'kind: Deployment\n',
      'pod.yaml holds no Pod, only Deployment. Describe the pod with flags, or write it as a Pod',
    ],
    [`${POD}---\n${POD}`, 'pod.yaml holds 2 Pods. Keep one'],
    [
      'kind: Pod\nspec: { hostNetwork: "yes" }\n',
      'pod.yaml: spec.hostNetwork must be true or false, without quotes',
    ],
    [
      'kind: Pod\nmetadata: { labels: { a: 1 } }\nspec: {}\n',
      'pod.yaml: metadata.labels.a must be a text. Put it in quotes',
    ],
    ['kind: [\n', 'pod.yaml:1:7: the [ that opens here is not closed. Add ] after its last entry'],
    [
      'kind: Pod\nkind: Pod\n',
      'pod.yaml:2:1: the key "kind" is given twice, first on line 1. Keep one of the two',
    ],
  ])('is refused in words when it is %j', (text, message) => {
    expect(() => readPodManifest(text, 'pod.yaml')).toThrow(UsageError);
    expect(() => readPodManifest(text, 'pod.yaml')).toThrow(message);
  });
});
