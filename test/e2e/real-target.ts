// Targets of the conformance suite that are real: a containerd asked directly, and the built Switchyard over all three.
import { rmSync } from 'node:fs';
import type { SwitchyardTarget } from '../contract/conformance/switchyard-target.ts';
import { CallRecord, type Place, RecordingClient, type Target } from '../contract/conformance/target.ts';
import { throughSwitchyard } from '../contract/conformance/through-switchyard.ts';
import { type RuntimeKind, TRAITS, type Traits } from '../contract/conformance/traits.ts';
import type { Containerd, ContainerdVersion } from '../support/containerd.ts';
import { CriClient } from '../support/cri-client.ts';
import { IMAGES } from '../support/oci-image.ts';
import type { World } from './world.ts';

const KIND: Readonly<Record<ContainerdVersion, RuntimeKind>> = {
  '1.6': 'containerd-1.6',
  '1.7': 'containerd-1.7',
  '2': 'containerd-2.1',
};

/** What clients see of a containerd on a machine of the tests, which has no CRIU: that is said before all else. */
function traitsOf(version: ContainerdVersion): Traits {
  const traits = TRAITS[KIND[version]];
  return { ...traits, hasCriu: false, unknownId: { ...traits.unknownId, CheckpointContainer: 'UNKNOWN' } };
}

/** A containerd as it is reached directly. */
export function directPlace(version: ContainerdVersion): Place {
  return { name: KIND[version], handler: 'runc', ownHandler: 'runc', traits: traitsOf(version) };
}

/** The backends of the world, the default one first. */
const BACKENDS = [
  { name: 'old', handler: 'runc', version: '1.6' },
  { name: 'new', handler: 'runc2', version: '2' },
  { name: 'middle', handler: 'runc17', version: '1.7' },
] as const;

/** The three containerds of the world as a client of this version reaches them through Switchyard. */
export function placesThrough(version: 'v1' | 'v1alpha2' = 'v1'): readonly Place[] {
  const all = BACKENDS.map((backend) => traitsOf(backend.version));
  return BACKENDS.map((backend) => ({
    name: backend.name,
    handler: backend.handler,
    ownHandler: 'runc',
    traits: throughSwitchyard(traitsOf(backend.version), all, version),
  }));
}

/** They as a client of v1 reaches them. */
export const PLACES: readonly Place[] = placesThrough();

/** Where the pods of a run are. */
interface Surroundings {
  readonly run: { readonly cgroupParent: string; file(name: string): string };
  readonly pullable: string;
}

/** What all real targets share: time passes by itself. */
const shared = ({ run, pullable }: Surroundings) => ({
  image: IMAGES.app,
  pullable,
  cgroupParent: run.cgroupParent,
  logs: run.file('logs'),
  pass: () => undefined,
});

/** A containerd, asked directly. Close its client. */
export function directTarget(containerd: Containerd, around: Surroundings): Target {
  const calls = new CallRecord();
  const connect = () => new RecordingClient(containerd.socket, calls);
  return { ...shared(around), cri: connect(), calls, connect };
}

/** The world's Switchyard. Close its client. */
export function switchyardTarget(world: World, version: 'v1' | 'v1alpha2' = 'v1'): SwitchyardTarget {
  const calls = new CallRecord();
  const { switchyard } = world;
  const connect = () => new RecordingClient(switchyard.socket, calls, { version });
  const cri = connect();
  const behind = ({ name }: Place): Containerd => {
    if (name === 'old' || name === 'new' || name === 'middle') return world[name];
    throw new Error(`no backend is called ${name}`);
  };
  return {
    ...shared(world),
    cri,
    calls,
    connect,
    direct: (place) => new CriClient(behind(place).socket),
    kill: (place) => behind(place).kill(),
    startAgain: (place) => behind(place).startAgain(),
    hang: (place) => behind(place).pause(),
    resume: async (place) => behind(place).resume(),
    async restart(_down, memory) {
      await switchyard.stop();
      if (memory === 'forgetting') rmSync(switchyard.stateDir, { recursive: true });
      await switchyard.startAgain('serving');
      await cri.ready();
    },
  };
}
