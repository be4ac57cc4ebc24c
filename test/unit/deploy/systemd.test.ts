import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findTool } from '../../support/find-tool.ts';
import { tempDir } from '../../support/temp-dir.ts';

const deploy = path.resolve(import.meta.dirname, '../../../deploy');
const run = promisify(execFile);
const systemdAnalyze = await findTool('systemd-analyze');
const missing = 'systemd-analyze is not installed (Debian package systemd)';

/** The values of a unit file's setting, in order, split at spaces. */
function settings(unit: string, name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].flatMap((match) => `${match[1]}`.split(' '));
}

const readUnit = () => readFile(path.join(deploy, 'systemd/switchyard.service'), 'utf8');

/** The unit with a program that exists on every machine, since the check looks for it. */
const withProgram = (unit: string) => unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`);

describe('the systemd unit', () => {
  it('is accepted by systemd without a complaint', async (context) => {
    if (systemdAnalyze === undefined) return context.skip(missing);
    await using dir = await tempDir();
    const file = dir.file('switchyard.service');
    await writeFile(file, withProgram(await readUnit()));
    const { stdout, stderr } = await run(systemdAnalyze, ['verify', '--man=no', file]);
    expect(stdout + stderr).toBe('');
  });

  it('starts after the runtimes and before the kubelet', async () => {
    const unit = await readUnit();
    expect(settings(unit, 'After')).toEqual(
      expect.arrayContaining(['containerd.service', 'crio.service', 'cri-docker.service', 'docker.service']),
    );
    expect(settings(unit, 'Before')).toEqual(expect.arrayContaining(['kubelet.service', 'k3s.service']));
    expect(settings(unit, 'Requires')).toEqual([]);
  });

  it('is started again after any end, for ever', async () => {
    const unit = await readUnit();
    expect(settings(unit, 'Restart')).toEqual(['always']);
    expect(settings(unit, 'StartLimitIntervalSec')).toEqual(['0']);
  });

  it('leaves the JavaScript engine able to compile', async () => {
    expect(settings(await readUnit(), 'MemoryDenyWriteExecute')).toEqual([]);
  });
});

describe('the drop-in for the kubelet', () => {
  it('orders the kubelet after Switchyard without tying their lives together', async (context) => {
    const dropIn = await readFile(path.join(deploy, 'kubelet/20-switchyard.conf'), 'utf8');
    expect(settings(dropIn, 'After')).toEqual(['switchyard.service']);
    expect(settings(dropIn, 'Wants')).toEqual(['switchyard.service']);
    if (systemdAnalyze === undefined) return context.skip(missing);
    await using dir = await tempDir();
    await writeFile(dir.file('switchyard.service'), withProgram(await readUnit()));
    const kubelet = `[Service]\nExecStart=${process.execPath}\n[Install]\nWantedBy=multi-user.target\n`;
    await writeFile(dir.file('kubelet.service'), kubelet);
    await mkdir(dir.file('kubelet.service.d'));
    await cp(
      path.join(deploy, 'kubelet/20-switchyard.conf'),
      dir.file('kubelet.service.d/20-switchyard.conf'),
    );
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${dir.path}:` };
    const { stdout, stderr } = await run(
      systemdAnalyze,
      ['verify', '--man=no', dir.file('kubelet.service')],
      { env },
    );
    expect(stdout + stderr).toBe('');
  });
});
