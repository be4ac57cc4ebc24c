// The harness itself, without Switchyard: the conformance suite and the life of pods directly on each real containerd.
// What fails here is the machine's or the harness's fault, or a trait that is not what the runtime does.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bench } from '../contract/conformance/bench.ts';
import { defineConformance } from '../contract/conformance/conformance.ts';
import type { Target } from '../contract/conformance/target.ts';
import { Containerd, type ContainerdVersion, versionOf } from '../support/containerd.ts';
import { CriClient } from '../support/cri-client.ts';
import { beginRun, type E2eRun } from '../support/e2e-leftovers.ts';
import { skipWhen, whyNoContainers } from '../support/e2e-requirements.ts';
import { ImageRegistry } from '../support/image-registry.ts';
import { E2E_IMAGES, REGISTRY_IMAGE, writeOciArchive } from '../support/oci-image.ts';
import { definePodIo } from './pod-io.ts';
import { directPlace, directTarget } from './real-target.ts';

const skipReason = whyNoContainers();
const VERSIONS: readonly ContainerdVersion[] = ['1.6', '1.7', '2'];
let run: E2eRun;
let archive: string;
let registry: ImageRegistry;
let pullable: string;

beforeEach((context) => skipWhen(context, skipReason));

beforeAll(async () => {
  if (skipReason !== undefined) return;
  run = await beginRun();
  archive = writeOciArchive(run.path, E2E_IMAGES);
  registry = await ImageRegistry.start(run);
  pullable = registry.push(REGISTRY_IMAGE, 'pulled/app:1');
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await run?.[Symbol.asyncDispose]();
});

describe.each(VERSIONS)('containerd %s, asked directly', (version) => {
  let containerd: Containerd;
  let target: Target;

  beforeAll(async () => {
    if (skipReason !== undefined) return;
    console.log(`containerd ${version} is ${versionOf(version)}`);
    containerd = await Containerd.start(run, version, archive);
    target = directTarget(containerd, { run, pullable });
  });

  afterAll(async () => {
    target?.cri.close();
    await containerd?.[Symbol.asyncDispose]();
  });

  const place = directPlace(version);
  defineConformance({ places: [place], target: () => target }, false);
  definePodIo(new Bench(place, () => target));

  it('serves v1, and v1alpha2 only before containerd 2', async () => {
    using old = new CriClient(containerd.socket, { version: 'v1alpha2' });
    const reply = await old.rawCall(old.pathOf('Version'), Buffer.alloc(0));
    expect(reply.code).toBe(version === '2' ? 12 : 0);
    expect((await containerd.cri.call('Version', {})).runtimeName).toBe('containerd');
  });
});
