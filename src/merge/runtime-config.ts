// The cgroup driver in a RuntimeConfig, and whose driver is the node's: one kubelet has one, so backends must agree.
import type { CgroupDriver } from '../config/config.ts';
import { readBytes, readVarint } from '../cri/wire.ts';
import { encodeMessage, encodeNumber } from '../cri/wire-writer.ts';

// RuntimeConfigResponse: linux 1 > cgroup_driver 1 {SYSTEMD 0, CGROUPFS 1}.
const LINUX = 1;
const LINUX_PATH = [LINUX];
const CGROUP_DRIVER = 1;
const CGROUP_DRIVER_PATH = [LINUX, CGROUP_DRIVER];
const CGROUPFS = 1;

/** The driver that a RuntimeConfigResponse tells: an empty `linux` says systemd, none says nothing. */
export function saidDriver(reply: Uint8Array): CgroupDriver | undefined {
  if (readBytes(reply, 0, reply.length, LINUX_PATH) === undefined) return undefined;
  return readVarint(reply, 0, reply.length, CGROUP_DRIVER_PATH) === CGROUPFS ? 'cgroupfs' : 'systemd';
}

/** A RuntimeConfigResponse that tells it. */
export function encodeRuntimeConfig(driver: CgroupDriver): Buffer {
  return Buffer.from(encodeMessage(LINUX, encodeNumber(CGROUP_DRIVER, driver === 'cgroupfs' ? CGROUPFS : 0)));
}

/** What is known of one backend. */
export interface KnownDriver {
  readonly backend: string;
  readonly driver: CgroupDriver | undefined;
}

/**
 * Whose driver is the node's: the default backend's; while that is not known, the one that led before, so that what a
 * kubelet was told stays true; else the first that is known. `known` begins with the default backend. Undefined when
 * nobody can say.
 */
export function findLeader<K extends KnownDriver>(
  known: readonly K[],
  before: string | undefined,
): (K & { readonly driver: CgroupDriver }) | undefined {
  const able = known.filter((one): one is K & { driver: CgroupDriver } => one.driver !== undefined);
  const [first] = known;
  return able.find((one) => one === first) ?? able.find(({ backend }) => backend === before) ?? able[0];
}
