// Container images made here, without a registry: an OCI image layout whose one layer holds a static busybox.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** What distinguishes one image from another: all have the same layer. */
export interface ImageTraits {
  /** All names it gets, each with a tag. */
  readonly tags: readonly string[];
  readonly entrypoint: readonly string[];
  /** The number of the user that its containers run as; root unless told. */
  readonly user?: string;
  /** Goes into the image's config, so that two images with the same entrypoint differ. */
  readonly label?: string;
}

/** The names that the end-to-end tests use. A pod sandbox runs the first of PAUSE. */
export const IMAGES = {
  pause: 'e2e.test/pause:1',
  app: 'e2e.test/app:1',
  appOtherTag: 'e2e.test/app:stable',
} as const;

/** The images that every containerd of the end-to-end tests is given. */
export const E2E_IMAGES: readonly ImageTraits[] = [
  { tags: [IMAGES.pause], entrypoint: ['/bin/sleep', '86400'], label: 'pause' },
  { tags: [IMAGES.app, IMAGES.appOtherTag], entrypoint: ['/bin/sh'], label: 'app' },
];

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
const APPLETS = [
  'sh',
  'sleep',
  'echo',
  'cat',
  'printf',
  'env',
  'true',
  'false',
  'hostname',
  'id',
  'ls',
  'kill',
  'nc',
  'wget',
  'seq',
  'dd',
  'head',
  'grep',
];

/** The image that is only in the registry. Its own image: RemoveImage takes an image away with all its tags. */
export const REGISTRY_IMAGE: ImageTraits = {
  tags: ['e2e.test/pulled:1'],
  entrypoint: ['/bin/sh'],
  user: '1000',
  label: 'pulled',
};

/** Writes an OCI image layout with `images` into `dir`, and the same as an archive; gives the archive's path. */
export function writeOciArchive(dir: string, images: readonly ImageTraits[]): string {
  const layout = path.join(dir, 'oci');
  const blobs = path.join(layout, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const store = (bytes: Buffer, mediaType: string) => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(path.join(blobs, digest), bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const storeJson = (value: unknown, mediaType: string) =>
    store(Buffer.from(JSON.stringify(value)), mediaType);

  const layer = store(makeLayer(dir), 'application/vnd.oci.image.layer.v1.tar');
  const manifests = images.flatMap((image) => {
    const config = storeJson(
      {
        architecture: goArchitecture(),
        os: 'linux',
        config: {
          Entrypoint: image.entrypoint,
          Env: ['PATH=/bin'],
          ...(image.user === undefined ? {} : { User: image.user }),
          Labels: { 'switchyard.e2e/image': image.label ?? image.tags[0] },
        },
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
      },
      'application/vnd.oci.image.config.v1+json',
    );
    const manifest = storeJson(
      { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [layer] },
      'application/vnd.oci.image.manifest.v1+json',
    );
    return image.tags.map((tag) => ({
      ...manifest,
      // containerd reads the first of these, skopeo the second.
      annotations: { 'io.containerd.image.name': tag, 'org.opencontainers.image.ref.name': tag },
    }));
  });
  writeFileSync(path.join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(path.join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));

  const archive = path.join(dir, 'images.tar');
  const unfinished = `${archive}.unfinished`;
  execFileSync('tar', ['-cf', unfinished, '-C', layout, '.']);
  renameSync(unfinished, archive);
  return archive;
}

/** The layer: busybox with links, and the folders that a container expects. Always the same bytes. */
function makeLayer(dir: string): Buffer {
  const busybox = BUSYBOX.find((file) => isStatic(file));
  if (busybox === undefined) throw new Error('no static busybox: install the package busybox-static');
  const root = path.join(dir, 'rootfs');
  rmSync(root, { recursive: true, force: true });
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']) {
    mkdirSync(path.join(root, folder), { recursive: true });
  }
  copyFileSync(busybox, path.join(root, 'bin/busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', path.join(root, 'bin', applet));
  writeFileSync(path.join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  return execFileSync(
    'tar',
    ['-cf', '-', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '-C', root, '.'],
    { maxBuffer: 64 * 1024 * 1024 },
  );
}

/** A static program has no interpreter: no PT_INTERP (3) among the program headers of its ELF64 file. */
function isStatic(file: string): boolean {
  let elf: Buffer;
  try {
    elf = readFileSync(file);
  } catch {
    return false; // not there
  }
  const at = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const count = elf.readUInt16LE(56);
  for (let i = 0; i < count; i += 1) {
    if (elf.readUInt32LE(at + i * size) === 3) return false;
  }
  return true;
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
