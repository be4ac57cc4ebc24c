import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createExposition } from '../../../src/telemetry/exposition.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

const docs = path.resolve(import.meta.dirname, '../../../docs');

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

const sources = {
  backends: () => [],
  ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
  journal: () => ({ sizeBytes: 0, isFailing: false }),
  lostLogLines: () => 0,
};
const described = createExposition(new Metrics(sources))
  .getMetricsAsArray()
  .map((metric) => metric as unknown as Described)
  .filter((metric) => metric.name.startsWith('switchyard_'));

describe('the metrics', () => {
  it('are all described in docs/operations/metrics.md, in the words of /metrics', async () => {
    const row = ({ name, type, labelNames, help }: Described) =>
      `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(' ')} | ${help} |`;
    const text = `# Metrics

All that \`/metrics\` on the admin address shows of Switchyard itself. Written by a test from the help texts
(\`npx vitest run test/unit/telemetry/metrics-reference.test.ts -u\`); beside these there are the usual
\`process_*\` and \`nodejs_*\` of prom-client, but the garbage collector's. Labels never carry ids, pods or images.

| name | type | labels | meaning |
|---|---|---|---|
${described.map(row).join('\n')}

The values of \`code\` are the names of the gRPC status codes; \`method\` is the name of the RPC, without its service.
Buckets of durations go from 0.5 ms to 2 minutes.
`;
    await expect(text).toMatchFileSnapshot(path.join(docs, 'operations/metrics.md'));
  });

  it('have the names that the documents use', async () => {
    const known = described.map((metric) => metric.name);
    for (const file of await readdir(docs, { recursive: true })) {
      if (!file.endsWith('.md')) continue;
      for (const [name] of (await readFile(path.join(docs, file), 'utf8')).matchAll(
        /\bswitchyard_[a-z_]*[a-z]\b/g,
      )) {
        expect(known, file).toContain(name);
      }
    }
  });

  it('have names and labels in one style', () => {
    for (const { name, type, help, labelNames } of described) {
      expect(name).toMatch(/^switchyard_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help, name).toMatch(/^[A-Z0-9].*\.$/);
      for (const label of labelNames) {
        expect(
          ['method', 'backend', 'rule', 'code', 'outcome', 'listener', 'state', 'kind', 'version', 'node'],
          name,
        ).toContain(label);
      }
    }
  });
});
