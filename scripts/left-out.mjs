// What packages load and Switchyard never asks them for: left out of the bundle, because it would take memory on every
// node. The tests that run the built program hold that nothing asks for it after all.

/**
 * By package: the modules that it gets an empty stand-in for, or one that says the given words.
 * @type {Readonly<Record<string, Readonly<Record<string, string>>>>}
 */
const LEFT_OUT = {
  // The admin side speaks plain HTTP, has no schemas, no plugins with demands on the version, and no calls without a
  // socket.
  fastify: {
    'node:https': '',
    'node:http2': '',
    semver: '',
    '@fastify/ajv-compiler': '',
    '@fastify/fast-json-stringify-compiler': '',
    'light-my-request': '',
  },
  // The log is written by this thread.
  pino: { worker_threads: 'exports.isMainThread = true', 'thread-stream': '' },
  // No exemplars, no gateway that metrics are pushed to.
  'prom-client': { '@opentelemetry/api': '', https: '' },
};

/** @type {import('esbuild').Plugin} */
export const leaveOut = {
  name: 'leave out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ path, importer }) => {
      const from = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(importer)?.[1] ?? '';
      if (LEFT_OUT[from]?.[path] === undefined) return undefined;
      return { path: `${from}/${path}`, namespace: 'left-out', pluginData: LEFT_OUT[from][path] };
    });
    onLoad({ filter: /.*/, namespace: 'left-out' }, ({ pluginData }) => ({ contents: pluginData }));
  },
};
