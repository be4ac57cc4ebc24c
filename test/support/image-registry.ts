// An image registry on the loopback address, plain HTTP, with images made here: it makes PullImage real.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Daemon } from './daemon.ts';
import type { E2eRun } from './e2e-leftovers.ts';
import { programPath } from './e2e-requirements.ts';
import { freePort } from './free-port.ts';
import { type ImageTraits, writeOciArchive } from './oci-image.ts';

export class ImageRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`: the first part of its images' names. */
  readonly address: string;
  private readonly dir: string;
  private readonly daemon: Daemon;

  private constructor(dir: string, address: string, daemon: Daemon) {
    this.dir = dir;
    this.address = address;
    this.daemon = daemon;
  }

  static async start(run: E2eRun): Promise<ImageRegistry> {
    const dir = run.file('registry');
    const address = `127.0.0.1:${await freePort()}`;
    mkdirSync(dir);
    const config = path.join(dir, 'config.json');
    // Its config is YAML, and JSON is YAML.
    writeFileSync(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: 'warn', accesslog: { disabled: true } },
        storage: { filesystem: { rootdirectory: path.join(dir, 'data') } },
        http: { addr: address },
      }),
    );
    const daemon = await Daemon.start({
      name: 'the image registry',
      command: programPath('docker-registry'),
      args: ['serve', config],
      logFile: path.join(dir, 'log'),
      isReady: async () => (await fetch(`http://${address}/v2/`).catch(() => undefined))?.ok === true,
    });
    return new ImageRegistry(dir, address, daemon);
  }

  /** Makes an image and uploads it as `repository` (with a tag); gives the name to pull it by. */
  push(image: ImageTraits, repository: string): string {
    const name = `${this.address}/${repository}`;
    const dir = path.join(this.dir, repository.replaceAll(/\W/g, '-'));
    mkdirSync(dir);
    const archive = writeOciArchive(dir, [image]);
    const args = ['copy', '--quiet', '--insecure-policy', '--dest-tls-verify=false'];
    execFileSync(
      programPath('skopeo'),
      [...args, `oci-archive:${archive}:${image.tags[0]}`, `docker://${name}`],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    return name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.stop();
  }
}
