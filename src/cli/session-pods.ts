// The pods of the short session that `serve --discover` plays on simulated runtimes: one for each way to choose, and
// where each must end up under the embedded config.
import { ANNOTATION } from './made-config.ts';

/** A pod as the kubelet would ask for it, with what must come of it. */
export interface SessionPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly handler: string;
  readonly annotations: ReadonlyMap<string, string>;
  /** The backend where it must be, or undefined when it must be refused. */
  readonly expected: string | undefined;
}

/** All pods of the session, in order. */
export const SESSION_PODS: readonly SessionPod[] = [
  pod(1, 'default/web', { expected: 'containerd' }),
  pod(2, 'default/api', { handler: 'runc', expected: 'containerd' }),
  pod(3, 'default/batch', { handler: 'crun', expected: 'cri-o' }),
  pod(4, 'default/legacy', { handler: 'docker', expected: 'docker' }),
  pod(5, 'build-7/image', { chooses: 'docker', expected: 'docker' }),
  // The annotation counts only in the namespaces the config names.
  pod(6, 'default/pushy', { chooses: 'docker', expected: 'containerd' }),
  pod(7, 'ci-main/test', { expected: 'docker' }),
  pod(8, 'default/typo', { handler: 'gvsior', expected: undefined }),
];

function pod(
  serial: number,
  fullName: `${string}/${string}`,
  options: { handler?: string; chooses?: string; expected: string | undefined },
): SessionPod {
  const [namespace = '', name = ''] = fullName.split('/');
  return {
    namespace,
    name,
    uid: `5e55107d-0000-4000-8000-${String(serial).padStart(12, '0')}`,
    handler: options.handler ?? '',
    annotations: new Map(options.chooses === undefined ? [] : [[ANNOTATION, options.chooses]]),
    expected: options.expected,
  };
}
