import { describe, expect, it } from 'vitest';
import { runFake } from './fake-context.ts';

describe('serve --config', () => {
  // The plain form goes a short way around the argument parser; the others go through it.
  const forms = [
    ['serve', '--config', '/nowhere/c.yaml'],
    ['serve', '-c', '/nowhere/c.yaml'],
    ['serve', '--config=/nowhere/c.yaml'],
    ['serve', '--config', '/nowhere/c.yaml', '--discover'],
  ];

  it.each(forms.map((args) => [args.join(' '), args] as const))(
    '%s says that the file is missing, and exits 1',
    async (_line, args) => {
      expect(await runFake(args)).toEqual({
        code: 1,
        out: '',
        err: 'cannot read /nowhere/c.yaml: there is no such file\n',
      });
    },
  );

  it.each([
    ['serve', '--config'],
    ['serve', '--config', ''],
    ['serve', '--config', '--once'],
    ['serve', '--config', '/nowhere/c.yaml', 'more'],
  ])('%s %s %s %s is wrong usage', async (...args) => {
    expect(await runFake(args)).toMatchObject({ code: 2, out: '' });
  });

  it('exits 3 on a config that is refused, and says where', async () => {
    const { code, out, err } = await runFake(['serve', '--config', 'c.yaml'], {
      files: { 'c.yaml': 'a: 1' },
    });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('c.yaml:1:1: ');
  });
});
