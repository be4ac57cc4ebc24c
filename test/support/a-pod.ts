// Builds what routing knows of a pod.
import type { PodAttributes } from '../../src/routing/attributes.ts';

/** What a test may say of a pod. */
export interface PodWish extends Partial<Omit<PodAttributes, 'labels' | 'annotations'>> {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A pod default/web-0 that asks for nothing but what the test says. */
export function aPod({ labels, annotations, ...wish }: PodWish = {}): PodAttributes {
  return {
    name: 'web-0',
    namespace: 'default',
    uid: '6f9c1d52-7a44-4d1b-9a53-2f2f0c9d8f10',
    handler: '',
    labels: new Map(Object.entries(labels ?? {})),
    annotations: new Map(Object.entries(annotations ?? {})),
    privileged: false,
    hostNetwork: false,
    hostPID: false,
    hostIPC: false,
    ...wish,
  };
}
