import { describe, expect, it } from 'vitest';
import { encodeField } from '../../../src/cri/wire.ts';
import { ContainerRequest } from '../../../src/proxy/container-request.ts';
import { codecOf, type Request } from '../../support/cri-codec.ts';

const codec = codecOf('CreateContainer');
const read = (request: Request<'CreateContainer'>) => new ContainerRequest(codec.encode(request));
const UNKNOWN = encodeField(4_000, Buffer.from('from the future'));

const REQUEST: Request<'CreateContainer'> = {
  podSandboxId: 'sandbox',
  config: {
    metadata: { name: 'app' },
    image: { image: 'id of main', userSpecifiedImage: 'app:1' },
    mounts: [
      { containerPath: '/plain', hostPath: '/srv' },
      { containerPath: '/data', image: { image: 'id of data', userSpecifiedImage: 'data:1' } },
    ],
    linux: { securityContext: { runAsUser: { value: 0 } } },
  },
  sandboxConfig: { metadata: { name: 'pod', namespace: 'space' }, annotations: { a: '1' } },
};

describe('ContainerRequest', () => {
  it('reads who is asked for, with which images, and as which user', () => {
    expect(read(REQUEST)).toMatchObject({
      sandboxId: 'sandbox',
      container: 'app',
      podName: 'pod',
      podNamespace: 'space',
      podAnnotations: new Map([['a', '1']]),
      images: [
        { reference: 'id of main', name: 'app:1' },
        { reference: 'id of data', name: 'data:1' },
      ],
      user: '0',
    });
  });

  it('knows a user by name, and that none is asked for', () => {
    const named = { config: { linux: { securityContext: { runAsUsername: 'www' } } } };
    expect([read(named).user, read({}).user]).toEqual(['www', undefined]);
    expect(read({}).images).toEqual([{ reference: '', name: '' }]);
  });

  it('puts other references in, also for volumes, and leaves all else as it was', () => {
    const due = codec.decodeRequest(codec.encode(REQUEST));
    if (due.config?.image) due.config.image.image = 'longer id of side';
    const volume = due.config?.mounts[1]?.image;
    if (volume) volume.image = 'other';
    const request = new ContainerRequest(Buffer.concat([codec.encode(REQUEST), UNKNOWN]));
    const edited = Buffer.from(request.withReferences(['longer id of side', 'other']));
    expect(codec.decodeRequest(edited)).toEqual(due);
    expect(edited.includes('from the future')).toBe(true);
  });

  it('puts a reference into its own place only, where another image came with the same one', () => {
    const [plain, data] = REQUEST.config?.mounts ?? [];
    const cache = { containerPath: '/cache', image: { image: 'one id', userSpecifiedImage: 'cache:1' } };
    const mounts = [plain, { ...data, image: { image: 'one id', userSpecifiedImage: 'data:1' } }, cache];
    const config = { ...REQUEST.config, image: { image: 'one id', userSpecifiedImage: 'app:1' }, mounts };
    const references = (places: readonly (string | undefined)[]) => {
      const request = read({ ...REQUEST, config } as Request<'CreateContainer'>);
      const edited = new ContainerRequest(Buffer.from(request.withReferences(places)));
      return edited.images.map(({ reference }) => reference);
    };
    expect(references([undefined, 'other', undefined])).toEqual(['one id', 'other', 'one id']);
    expect(references([undefined, undefined, 'other'])).toEqual(['one id', 'one id', 'other']);
    expect(references(['other', undefined, undefined])).toEqual(['other', 'one id', 'one id']);
  });
});
