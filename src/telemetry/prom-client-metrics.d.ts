// The collectors behind collectDefaultMetrics, one in each file, which prom-client's own types leave out.
declare module 'prom-client/lib/metrics/*.js' {
  const collect: (
    registry: import('prom-client').Registry,
    config: { readonly eventLoopMonitoringPrecision: number },
  ) => void;
  export = collect;
}
