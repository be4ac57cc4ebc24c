import { describe, expect, it } from 'vitest';
import { runFake } from './fake-context.ts';

describe('help', () => {
  it.each([
    ['the program', []],
    ['serve', ['serve']],
    ['check', ['check']],
    ['explain', ['explain']],
    ['simulate', ['simulate']],
    ['version', ['version']],
    ['help', ['help']],
  ])('of %s', async (_name, path) => {
    const { code, out, err } = await runFake([...path, '--help']);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatchSnapshot();
  });

  it('is what the program prints when it is told nothing', async () => {
    const [bare, asked] = await Promise.all([runFake([]), runFake(['--help'])]);
    expect(bare).toEqual(asked);
  });

  it('is the same by the command help and by the flag', async () => {
    const [command, flag] = await Promise.all([runFake(['help', 'serve']), runFake(['serve', '--help'])]);
    expect(command).toEqual(flag);
  });

  it('has no colour when the output is no terminal, or NO_COLOR is set', async () => {
    const { out } = await runFake(['--help']);
    expect(out).not.toContain('\u001b');
  });
});

describe('wrong usage exits 2', () => {
  it('for a command that is not there, and suggests one that is', async () => {
    const { code, out, err } = await runFake(['serv']);
    expect({ code, out, err }).toEqual({
      code: 2,
      out: '',
      err: 'there is no command serv, did you mean serve? See: switchyard help\n',
    });
  });

  it('for help on a command that is not there', async () => {
    expect((await runFake(['help', 'bogus'])).code).toBe(2);
  });

  it('for a flag that is not there, and suggests it as it is typed', async () => {
    const { code, err } = await runFake(['explain', '--host-netwrk']);
    expect(code).toBe(2);
    expect(err).toBe('there is no flag --host-netwrk, did you mean --host-network?\n');
  });

  it('for a flag without its value', async () => {
    const { code, err } = await runFake(['check', '--config']);
    expect(code).toBe(2);
    expect(err).toContain('--config');
  });

  it('for an annotation that is no pair', async () => {
    const { code, err } = await runFake(['explain', '--annotation', 'tier']);
    expect(code).toBe(2);
    expect(err).toContain('write it as key=value, not as "tier"');
  });

  it('for a profile the simulator does not know', async () => {
    const { code, err } = await runFake(['simulate', '--profile', 'podman', '--socket', '/tmp/x.sock']);
    expect(code).toBe(2);
    expect(err).toContain('containerd-2.1');
  });

  it('for serve that is not told what to serve, and says what to type', async () => {
    const { code, out, err } = await runFake(['serve']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('switchyard serve --config ');
    expect(err).toContain('switchyard serve --discover');
  });
});

describe('version', () => {
  it('names Switchyard and Node', async () => {
    const { code, out } = await runFake(['version']);
    expect(code).toBe(0);
    expect(out).toBe(`switchyard dev (Node ${process.versions.node})\n`);
  });

  it('is an object in JSON', async () => {
    const { out } = await runFake(['version', '--output', 'json']);
    expect(JSON.parse(out)).toEqual({ version: 'dev', node: process.versions.node });
  });

  it('is also a flag of the program', async () => {
    expect(await runFake(['--version'])).toEqual({ code: 0, out: 'dev\n', err: '' });
  });
});
