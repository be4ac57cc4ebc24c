// The config files of a containerd that shares nothing with another one on the same machine, for both config formats:
// version 2 (containerd 1.6, 1.7) and version 3 (containerd 2).

/** Where one containerd keeps what is its own. */
export interface ContainerdPlaces {
  /** Its folder; root, state, socket, runc root and CNI config are in it. */
  readonly dir: string;
  readonly socket: string;
  /** Its containerd-shim-runc-v2. */
  readonly shim: string;
  readonly runc: string;
  readonly cniPlugins: string;
  readonly sandboxImage: string;
  readonly bridge: string;
  /** First three numbers of its pods' subnet. */
  readonly subnet: string;
}

// Plugins that need folders, kernel modules or file systems that not every machine has.
const DISABLED = [
  'io.containerd.internal.v1.opt',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
];

const head = (version: 2 | 3, places: ContainerdPlaces) => `version = ${version}
root = "${places.dir}/root"
state = "${places.dir}/state"
disabled_plugins = ${JSON.stringify(DISABLED)}
[grpc]
  address = "${places.socket}"
`;

// Without these two runc fails on a machine that lacks CAP_SYS_RESOURCE or AppArmor.
// The network namespaces go under the state directory, so that they are found and unmounted with the rest.
const lifeOptions = `disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
`;

const runcRuntime = (plugin: string, places: ContainerdPlaces) => `
[plugins."${plugin}".containerd]
  default_runtime_name = "runc"
[plugins."${plugin}".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_path = "${places.shim}"
  [plugins."${plugin}".containerd.runtimes.runc.options]
    BinaryName = "${places.runc}"
    Root = "${places.dir}/runc"
`;

/** A config of format 2. */
export function configVersion2(places: ContainerdPlaces): string {
  const cri = 'io.containerd.grpc.v1.cri';
  return `${head(2, places)}
[plugins."${cri}"]
  ${lifeOptions}
  sandbox_image = "${places.sandboxImage}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."${cri}".cni]
  bin_dir = "${places.cniPlugins}"
  conf_dir = "${places.dir}/cni"
${runcRuntime(cri, places)}`;
}

/** A config of format 3. */
export function configVersion3(places: ContainerdPlaces): string {
  const runtime = 'io.containerd.cri.v1.runtime';
  return `${head(3, places)}
[plugins."${runtime}"]
  ${lifeOptions}
[plugins."${runtime}".cni]
  bin_dirs = ["${places.cniPlugins}"]
  conf_dir = "${places.dir}/cni"
${runcRuntime(runtime, places)}
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${places.sandboxImage}"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
`;
}

/** A CNI network: one bridge, addresses handed out from files in the containerd's own folder. */
export function cniConfig(places: ContainerdPlaces): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: places.bridge,
    plugins: [
      {
        type: 'bridge',
        bridge: places.bridge,
        isGateway: true,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: `${places.dir}/addresses`,
          ranges: [[{ subnet: `${places.subnet}.0/24` }]],
        },
      },
      { type: 'loopback' },
    ],
  });
}
