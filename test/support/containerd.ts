// A real containerd of a chosen version, private to one test run: its own folders, socket, network and runc state.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ContainerdPlaces, cniConfig, configVersion2, configVersion3 } from './containerd-config.ts';
import { CriClient } from './cri-client.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { bridgeName, type E2eRun } from './e2e-leftovers.ts';
import { IMAGES } from './oci-image.ts';
import { pause, resume } from './signalled-process.ts';

const CACHE =
  process.env['SWITCHYARD_E2E_CACHE'] ?? fileURLToPath(new URL('../../.cache/e2e', import.meta.url));

/** Where scripts/install-e2e-packages.sh puts the programs of each version. */
const BUILDS = {
  '1.6': { bin: '/usr/bin', config: configVersion2 },
  '1.7': { bin: path.join(CACHE, 'containerd-1.7/usr/bin'), config: configVersion2 },
  '2': { bin: path.join(CACHE, 'containerd-2/usr/bin'), config: configVersion3 },
} as const;

export type ContainerdVersion = keyof typeof BUILDS;

/** The programs that a containerd of this version needs and that are not on this machine. */
export function missingFor(version: ContainerdVersion): string[] {
  const { bin } = BUILDS[version];
  const needed = ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => path.join(bin, name));
  return [...needed, '/usr/sbin/runc', '/usr/lib/cni/bridge'].filter((file) => !existsSync(file));
}

/** The version that the program itself tells: `1.6.20~ds1`. */
export function versionOf(version: ContainerdVersion): string {
  const told = execFileSync(path.join(BUILDS[version].bin, 'containerd'), ['--version'], {
    encoding: 'utf8',
  });
  return told.split(' ')[2] ?? told;
}

let started = 0;

export class Containerd implements AsyncDisposable {
  readonly version: ContainerdVersion;
  readonly socket: string;
  /** A client of its own socket: to see what really is there. */
  readonly cri: CriClient;
  private readonly settings: DaemonOptions;
  private daemon: Daemon;
  private readonly ctr: string;

  private constructor(
    version: ContainerdVersion,
    socket: string,
    settings: DaemonOptions,
    daemon: Daemon,
    cri: CriClient,
  ) {
    this.settings = settings;
    this.version = version;
    this.socket = socket;
    this.daemon = daemon;
    this.cri = cri;
    this.ctr = path.join(BUILDS[version].bin, 'ctr');
  }

  /** Starts one, ready for pods, with the images of `archive` (an OCI image layout as a tar). */
  static async start(run: E2eRun, version: ContainerdVersion, archive: string): Promise<Containerd> {
    started += 1;
    const { bin, config } = BUILDS[version];
    const dir = run.file(`containerd-${started}`);
    const places: ContainerdPlaces = {
      dir,
      socket: path.join(dir, 'run.sock'),
      shim: path.join(bin, 'containerd-shim-runc-v2'),
      runc: '/usr/sbin/runc',
      cniPlugins: '/usr/lib/cni',
      sandboxImage: IMAGES.pause,
      bridge: bridgeName(run.id, started),
      // One of 16384 subnets, so that runs side by side hardly ever share one; nothing is sent to it from outside.
      subnet: `10.${64 + (Number.parseInt(run.id, 16) % 64)}.${(Number.parseInt(run.id, 16) / 64 + started) & 0xff}`,
    };
    mkdirSync(path.join(dir, 'cni'), { recursive: true });
    writeFileSync(path.join(dir, 'config.toml'), config(places));
    writeFileSync(path.join(dir, 'cni/10-bridge.conflist'), cniConfig(places));
    const cri = new CriClient(places.socket);
    const settings: DaemonOptions = {
      name: `containerd ${version}`,
      command: path.join(bin, 'containerd'),
      args: ['--config', path.join(dir, 'config.toml')],
      env: { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` },
      logFile: path.join(dir, 'log'),
      isReady: () => isReady(cri, places.socket),
    };
    const daemon = await Daemon.start(settings);
    const containerd = new Containerd(version, places.socket, settings, daemon, cri);
    containerd.importImages(archive);
    return containerd;
  }

  /** Imports an OCI image archive for CRI to use. */
  importImages(archive: string): void {
    execFileSync(this.ctr, ['--address', this.socket, '--namespace', 'k8s.io', 'images', 'import', archive], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  get pid(): number {
    return this.daemon.pid;
  }

  /** Stops it where it stands, with SIGSTOP. */
  pause(): Promise<void> {
    return pause(this.pid);
  }

  resume(): void {
    resume(this.pid);
  }

  /** Ends it at once. Its containers go on, and so does its socket file stay. */
  async kill(): Promise<void> {
    await this.daemon.kill();
  }

  /** Starts it again after `kill`; it finds its containers by itself. */
  async startAgain(): Promise<void> {
    this.daemon = await Daemon.start(this.settings);
  }

  /** The last lines of its log. */
  logTail(lines?: number): string {
    return this.daemon.logTail(lines);
  }

  /** Stops and removes all pods. */
  async removeAllPods(): Promise<void> {
    const { items } = await this.cri.call('ListPodSandbox', {});
    await Promise.all(
      items.map(async ({ id }) => {
        await this.cri.call('StopPodSandbox', { podSandboxId: id });
        await this.cri.call('RemovePodSandbox', { podSandboxId: id });
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.resume();
      if (this.daemon.isRunning) await this.removeAllPods();
    } finally {
      this.cri.close();
      await this.daemon.stop();
    }
  }
}

async function isReady(cri: CriClient, socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  try {
    const { status } = await cri.call('Status', {}, { deadlineMs: 2_000 });
    const conditions = new Map(status?.conditions.map(({ type, status: isTrue }) => [type, isTrue]));
    return conditions.get('RuntimeReady') === true && conditions.get('NetworkReady') === true;
  } catch {
    return false; // it is starting
  }
}
