// Somebody who works on the simulated runtimes without the proxy, as an administrator with crictl does: what he does is
// true at once, and the proxy learns of it when it next lists.
import { create } from '@bufbuild/protobuf';
import { ContainerConfigSchema } from '../../src/cri/gen/runtime/v1/container_pb.ts';
import { PodSandboxConfigSchema } from '../../src/cri/gen/runtime/v1/pod_sandbox_pb.ts';
import type { Sandbox } from '../../src/simulator/sandbox.ts';
import type { KubeletModel } from './kubelet-model.ts';
import type { OutsideStep } from './kubelet-model-step.ts';
import type { ModelBackend, ModelWorld } from './kubelet-model-world.ts';
import { SIMULATED_IMAGE } from './proxy-world.ts';

export class Outsider {
  private readonly world: ModelWorld;
  private readonly model: KubeletModel;
  private made = 0;

  constructor(world: ModelWorld, model: KubeletModel) {
    this.world = world;
    this.model = model;
  }

  /** Does it, and tells in a line what it was. */
  act({ act, backend: position, pick }: OutsideStep): string {
    const backend = this.world.backend(position);
    const { world } = backend.runtime;
    const sandboxes = [...world.sandboxes.values()];
    const sandbox = sandboxes[pick % Math.max(1, sandboxes.length)];
    if (act === 'run') return this.run(backend);
    if (sandbox === undefined) return `nothing to ${act} without the proxy on ${backend.name}`;
    const what = `${sandbox.id.slice(0, 8)} on ${backend.name}, without the proxy`;
    switch (act) {
      case 'create':
        return `create ${this.create(backend, sandbox)} in ${what}`;
      case 'stop':
        world.stopSandbox(sandbox);
        return `stop ${what}`;
      case 'remove':
        world.removeSandbox(sandbox);
        return `remove ${what}`;
      case 'exit': {
        const running = world.containersOf(sandbox).find(({ isRunning }) => isRunning);
        if (running !== undefined) world.exitContainer(running, 1);
        return `container ${running?.id.slice(0, 8) ?? 'none'} of ${what}, ends`;
      }
      default:
        return act satisfies never;
    }
  }

  private run({ name, runtime, handler }: ModelBackend): string {
    const uid = `outside-${++this.made}`;
    const metadata = { name: uid, uid, namespace: 'default', attempt: 0 };
    const labels = { 'io.kubernetes.pod.uid': uid };
    const config = create(PodSandboxConfigSchema, { metadata, labels });
    if (config.metadata === undefined) throw new Error('a config without metadata');
    const run = runtime.world.runSandbox(config, config.metadata, handler);
    if (run.kind !== 'created') throw new Error(`the name ${run.name} is taken`);
    this.model.heardOf('sandbox', run.object.id);
    return `run ${run.object.id.slice(0, 8)} of pod ${uid} on ${name}, without the proxy`;
  }

  private create({ runtime }: ModelBackend, sandbox: Sandbox): string {
    const metadata = { name: `outside-${++this.made}`, attempt: 0 };
    const config = create(ContainerConfigSchema, {
      metadata,
      image: { image: SIMULATED_IMAGE },
      labels: { 'io.kubernetes.pod.uid': sandbox.metadata.uid },
    });
    const image = runtime.world.images.find(SIMULATED_IMAGE);
    if (config.metadata === undefined || image === undefined) throw new Error('a world without its image');
    const made = runtime.world.createContainer(sandbox, config, config.metadata, image, '');
    if (made.kind !== 'created') throw new Error(`the name ${made.name} is taken`);
    this.model.heardOf('container', made.object.id);
    return made.object.id.slice(0, 8);
  }
}
