import { describe, expect, it } from 'vitest';
import { createLogger, logCall } from '../../../src/telemetry/log.ts';
import { until } from '../../support/until.ts';

function aSink() {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
}

describe('createLogger', () => {
  it('writes one JSON object a line, with the level as a word and the time as people write it', () => {
    const sink = aSink();
    createLogger({ level: 'info', format: 'json' }, sink).info({ backend: 'docker' }, 'backend is up');
    expect(sink.lines).toHaveLength(1);
    const line = JSON.parse(sink.lines[0] as string);
    expect(line).toMatchObject({ level: 'info', backend: 'docker', msg: 'backend is up' });
    expect(Date.parse(line.time)).not.toBeNaN();
  });

  it('leaves out what is below its level', () => {
    const sink = aSink();
    const log = createLogger({ level: 'warn', format: 'json' }, sink);
    log.info('not said');
    log.warn('said');
    expect(sink.lines.map((line) => JSON.parse(line).msg)).toEqual(['said']);
    expect(log.isLevelEnabled('info')).toBe(false);
  });

  it('writes lines for people in order, also those from before the formatter was loaded', async () => {
    const sink = aSink();
    const log = createLogger({ level: 'info', format: 'pretty' }, sink);
    log.info('first');
    log.warn({ backend: 'docker' }, 'second');
    await until(() => sink.lines.length === 2, 'two pretty lines', 10_000);
    log.info('third');
    expect(sink.lines.join('')).toMatch(/INFO.*first.*WARN.*second.*docker.*INFO.*third/s);
    expect(sink.lines.join('')).not.toContain('{"level"');
  });
});

describe('logCall', () => {
  const line = {
    method: 'RunPodSandbox',
    backend: 'gvisor',
    rule: 'handler',
    ms: 12.5,
    pod: { namespace: 'default', name: 'web-0', uid: 'u-1' },
  };

  it('says a good call at level info with its fields', () => {
    const sink = aSink();
    logCall(createLogger({ level: 'info', format: 'json' }, sink), { ...line, code: 'OK' });
    expect(JSON.parse(sink.lines[0] as string)).toMatchObject({ level: 'info', ...line, code: 'OK' });
  });

  it('says a failed call at level warn with the reason', () => {
    const sink = aSink();
    const failed = { ...line, code: 'UNAVAILABLE', error: 'backend gvisor is absent' } as const;
    logCall(createLogger({ level: 'info', format: 'json' }, sink), failed);
    expect(JSON.parse(sink.lines[0] as string)).toMatchObject({ level: 'warn', ...failed });
  });

  it('cuts names and ids shorter than other texts, for every changing call leaves a line', () => {
    const sink = aSink();
    const long = 'n'.repeat(1500);
    const pod = { namespace: long, name: long, uid: long };
    const failed = { ...line, pod, id: long, code: 'UNAVAILABLE', error: long } as const;
    logCall(createLogger({ level: 'info', format: 'json' }, sink), failed);
    const written = JSON.parse(sink.lines[0] as string);
    const cut = expect.stringMatching(/^n+\.\.\. \(1500 bytes\)$/);
    expect(written).toMatchObject({ pod: { namespace: cut, name: cut, uid: cut }, id: cut, error: cut });
    const sizes = [...Object.values<string>(written.pod), written.id, written.error].map(
      (text) => text.length,
    );
    expect(sizes).toEqual([256, 256, 256, 256, 1024]);
  });

  it('cuts an image at 512 bytes, which every real name of one fits in', () => {
    const imageIn = (image: string) => {
      const sink = aSink();
      logCall(createLogger({ level: 'info', format: 'json' }, sink), { ...line, image, code: 'OK' });
      return JSON.parse(sink.lines[0] as string).image;
    };
    const longest = `${'r'.repeat(255)}:${'t'.repeat(128)}@sha256:${'0'.repeat(64)}`;
    expect(imageIn(longest)).toBe(longest);
    const cut = imageIn('i'.repeat(1500));
    expect(cut).toMatch(/^i+\.\.\. \(1500 bytes\)$/);
    expect(cut).toHaveLength(512);
  });
});
