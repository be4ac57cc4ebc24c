import { expect, it } from 'vitest';
import { createLogger } from '../../../src/telemetry/log.ts';
import { until } from '../../support/until.ts';

/** The line that is written, and its length. */
function written(write: (log: ReturnType<typeof createLogger>) => void) {
  const lines: string[] = [];
  write(createLogger({ level: 'info', format: 'json' }, { write: (line: string) => void lines.push(line) }));
  const [line = ''] = lines;
  return { size: line.length, fields: JSON.parse(line) };
}

const LONG = 'x'.repeat(2_000_000);
const CUT = `${'x'.repeat(1005)}... (2000000 bytes)`;

it('a short line is written as it is', () => {
  const pod = { namespace: 'default', name: 'web-0', uid: '1' };
  const line = { method: 'RunPodSandbox', ms: 1.5, pod, others: ['a', 'b'], isNew: true, at: new Date(0) };
  const { fields } = written((log) => log.info(line, 'call'));
  expect(fields).toMatchObject({ ...line, at: '1970-01-01T00:00:00.000Z', msg: 'call' });
});

it('a long text is cut at 1 KiB wherever it stands, and says how long it was', () => {
  const { fields, size } = written((log) =>
    log.warn({ error: LONG, pod: { name: LONG }, others: [LONG, 'b'], deep: { list: [{ of: LONG }] } }, LONG),
  );
  expect(fields.error).toHaveLength(1024);
  expect(fields).toMatchObject({
    error: CUT,
    pod: { name: CUT },
    others: [CUT, 'b'],
    deep: { list: [{ of: CUT }] },
    msg: CUT,
  });
  expect(size).toBeLessThan(6_000);
});

it("an error's message and stack are cut, and its kind stays", () => {
  const { fields, size } = written((log) =>
    log.error({ err: new TypeError(LONG, { cause: new Error(LONG) }) }, 'unexpected'),
  );
  expect(fields.err.type).toBe('TypeError');
  expect(fields.err.message).toMatch(/^x{1000,}\.\.\. \(\d+ bytes\)$/);
  expect(fields.err.stack).toMatch(/^TypeError: x+\.\.\. \(\d+ bytes\)$/);
  expect(size).toBeLessThan(3_000);
});

it('an error without a message beside it is cut too', () => {
  for (const line of [new Error(LONG), { err: new Error(LONG) }]) {
    expect(written((log) => log.error(line)).size).toBeLessThan(4_000);
  }
});

it('lists and objects are cut, and say how long they were', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `id-${i}`);
  const { fields } = written((log) =>
    log.info({ ids: many, byId: Object.fromEntries(many.map((id) => [id, 1])) }),
  );
  expect(fields.ids).toHaveLength(51);
  expect(fields.ids.at(-1)).toBe('... (10000 in all)');
  expect(Object.keys(fields.byId)).toHaveLength(51);
  expect(fields.byId['...']).toBe('10000 fields in all');
});

it('an object within itself ends somewhere', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  expect(written((log) => log.info({ loop })).size).toBeLessThan(200);
});

it('nothing in a line acts on a terminal, in lines for people neither', async () => {
  const lines: string[] = [];
  const log = createLogger(
    { level: 'info', format: 'pretty' },
    { write: (line: string) => void lines.push(line) },
  );
  log.error({ pod: 'a\x9b31m\u202eb\x1b[2J', err: new Error('e\x1b[2J\u2066') }, 'failed\x1b[2J');
  await until(() => lines.length === 1, 'a pretty line', 10_000);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  expect(lines[0]).not.toMatch(/[\x9b\u202e\u2066]|\x1b\[2J/);
  expect(lines[0]).toContain('a\\u009b31m');
});
