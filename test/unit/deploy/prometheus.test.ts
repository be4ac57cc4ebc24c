import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createExposition } from '../../../src/telemetry/exposition.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { findTool } from '../../support/find-tool.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const folder = path.join(root, 'deploy/prometheus');
const run = promisify(execFile);
const promtool = await findTool('promtool', [path.join(root, '.cache/e2e/prometheus/usr/bin/promtool')]);
const missing = 'promtool is not installed (Debian package prometheus)';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly runbook: string };
}

async function readAlerts(): Promise<Alert[]> {
  const { groups } = parse(await readFile(path.join(folder, 'alerts.yml'), 'utf8'));
  return groups.flatMap((group: { rules: Alert[] }) => group.rules);
}

/** The anchor that a heading gets. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) =>
    `${match[1]}`.toLowerCase().replaceAll(' ', '-'),
  );
}

describe('the files for Prometheus', () => {
  it('are valid for promtool', async (context) => {
    if (promtool === undefined) return context.skip(missing);
    const { stdout } = await run(promtool, ['check', 'config', path.join(folder, 'prometheus.yml')]);
    expect(stdout).toContain('is valid prometheus config file syntax');
    expect(stdout).toContain(`SUCCESS: ${(await readAlerts()).length} rules found`);
  });

  it('raise the alerts they should and no others', async (context) => {
    if (promtool === undefined) return context.skip(missing);
    const { stdout } = await run(promtool, ['test', 'rules', path.join(folder, 'alerts.test.yml')]);
    expect(stdout).toContain('SUCCESS');
  });

  it('name each alert in a test', async () => {
    const tests = await readFile(path.join(folder, 'alerts.test.yml'), 'utf8');
    for (const { alert } of await readAlerts()) expect(tests, alert).toContain(alert);
  });

  it('give each alert a severity and a runbook that exists', async () => {
    for (const { alert, labels, annotations } of await readAlerts()) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      const [file = '', anchor] = annotations.runbook.split('#');
      expect(existsSync(path.join(root, file)), alert).toBe(true);
      expect(anchors(await readFile(path.join(root, file), 'utf8')), alert).toContain(anchor);
    }
  });

  it('ask only for metrics that Switchyard has', async () => {
    const sources = {
      backends: () => [],
      ledgerSize: () => ({ sandboxes: 0, containers: 0 }),
      journal: () => ({ sizeBytes: 0, isFailing: false }),
      lostLogLines: () => 0,
    };
    const registry = createExposition(new Metrics(sources));
    const known = registry.getMetricsAsArray().map((metric) => metric.name);
    for (const { alert, expr } of await readAlerts()) {
      for (const [name] of expr.matchAll(/\b(switchyard|process|nodejs)_\w+/g)) {
        expect(known, alert).toContain(name.replace(/_(bucket|sum|count)$/, ''));
      }
    }
  });
});
