import { describe, expect, it } from 'vitest';
import { METHODS, methodNamed } from '../../../src/cri/methods.ts';
import { hasRpc, otherVersion, pathFor, routeOf } from '../../../src/cri/versions.ts';

describe('routeOf', () => {
  it.each(METHODS)('finds the row of $name in both versions', (method) => {
    for (const version of ['v1', 'v1alpha2'] as const) {
      const route = routeOf(`/runtime.${version}.${method.service}/${method.name}`);
      expect(route).toEqual({ method, service: method.service, rpc: method.name, version });
    }
  });

  it('gives the same route each time, without making it anew', () => {
    expect(routeOf('/runtime.v1.RuntimeService/Version')).toBe(routeOf('/runtime.v1.RuntimeService/Version'));
  });

  it('knows the service of an RPC that is newer than the table', () => {
    expect(routeOf('/runtime.v1.ImageService/SquashImage')).toEqual({
      method: undefined,
      service: 'ImageService',
      rpc: 'SquashImage',
      version: 'v1',
    });
  });

  it('does not take an RPC of one service for one of the other', () => {
    expect(routeOf('/runtime.v1.ImageService/Version')?.method).toBeUndefined();
  });

  it.each([
    '/grpc.health.v1.Health/Check',
    '/runtime.v2.RuntimeService/Version',
    '/runtime.v1.RuntimeService/',
    '/runtime.v1.RuntimeService/Version/',
    '/runtime.v1.RuntimeService/Version?x=1',
    'runtime.v1.RuntimeService/Version',
    '/',
    '',
  ])('has no route for %j', (path) => {
    expect(routeOf(path)).toBeUndefined();
  });
});

describe('pathFor', () => {
  it('is the way back from a route', () => {
    for (const path of ['/runtime.v1.RuntimeService/Version', '/runtime.v1alpha2.ImageService/SquashImage']) {
      const route = routeOf(path);
      if (route === undefined) throw new Error(`no route for ${path}`);
      expect(pathFor(route.service, route.rpc, route.version)).toBe(path);
    }
  });

  it('carries a call over to the other version', () => {
    expect(pathFor('RuntimeService', 'ListContainers', otherVersion('v1'))).toBe(
      '/runtime.v1alpha2.RuntimeService/ListContainers',
    );
    expect(otherVersion('v1alpha2')).toBe('v1');
  });
});

describe('hasRpc', () => {
  it('knows that v1 has all RPCs and v1alpha2 those of Kubernetes 1.24', () => {
    expect(METHODS.every((method) => hasRpc('v1', method))).toBe(true);
    expect(hasRpc('v1alpha2', methodNamed('Version'))).toBe(true);
    expect(hasRpc('v1alpha2', methodNamed('ListPodSandboxStats'))).toBe(true);
    expect(METHODS.filter((method) => !hasRpc('v1alpha2', method)).map((method) => method.name)).toEqual([
      'StreamPodSandboxes',
      'StreamContainers',
      'StreamContainerStats',
      'StreamPodSandboxStats',
      'CheckpointContainer',
      'CheckpointPod',
      'RestorePod',
      'GetContainerEvents',
      'ListMetricDescriptors',
      'ListPodSandboxMetrics',
      'StreamPodSandboxMetrics',
      'RuntimeConfig',
      'UpdatePodSandboxResources',
      'StreamImages',
    ]);
  });
});
