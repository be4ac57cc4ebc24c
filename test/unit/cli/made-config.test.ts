import { describe, expect, it } from 'vitest';
import {
  configForEmbedded,
  configForFound,
  embeddedBackends,
  foundBackends,
} from '../../../src/cli/made-config.ts';
import { loadConfig } from '../../../src/config/load.ts';

const SURROUNDINGS = { dir: '/tmp/some place', adminAddress: '127.0.0.1:9440' };

describe('the config made for found runtimes', () => {
  it('is good for any of them, makes the first the default, and reaches the others by handler', () => {
    const sockets = ['/run/containerd/containerd.sock', '/run/crio/crio.sock', '/run/cri-dockerd.sock'];
    const loaded = loadConfig(configForFound(foundBackends(sockets), SURROUNDINGS), 'made');
    if (!('config' in loaded)) throw new Error(JSON.stringify(loaded.problems));
    expect(loaded.warnings).toEqual([]);
    expect(loaded.config.listen.socket).toBe('/tmp/some place/cri.sock');
    expect(
      loaded.config.backends.map(({ name, isDefault, handlers }) => [
        name,
        isDefault,
        [...handlers.keys()].sort(),
      ]),
    ).toEqual([
      ['containerd', true, ['', 'runc']],
      ['cri-o', false, ['crun']],
      ['docker', false, ['docker']],
    ]);
  });

  it('is good for two runtimes of one kind: the second one is reached once it is given handlers or rules', () => {
    const sockets = ['/run/containerd/containerd.sock', '/run/k3s/containerd/containerd.sock'];
    const backends = foundBackends(sockets);
    expect(backends.map(({ name, handlers }) => [name, handlers])).toEqual([
      ['containerd', ['runc']],
      ['containerd-2', []],
    ]);
    expect(loadConfig(configForFound(backends, SURROUNDINGS), 'made')).toHaveProperty('config');
  });

  it.each([['/run/crio/crio.sock'], ['/run/cri-dockerd.sock']])('is good for %s alone', (socket) => {
    expect(loadConfig(configForFound(foundBackends([socket]), SURROUNDINGS), 'made')).toHaveProperty(
      'config',
    );
  });
});

describe('the config made for simulated runtimes', () => {
  it('is good and has nothing doubtful in it', () => {
    const text = configForEmbedded(embeddedBackends('/tmp/x'), SURROUNDINGS);
    expect(loadConfig(text, 'made')).toMatchObject({ warnings: [] });
  });
});
