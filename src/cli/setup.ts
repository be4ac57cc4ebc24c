// What `serve` with a look serves: a given config, the runtimes found on this machine, or simulated ones.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problems.ts';
import { startSimulatedRuntime } from '../simulator/runtime.ts';
import { readConfig } from './config-file.ts';
import type { CliContext } from './context.ts';
import { findRuntimes } from './discovery.ts';
import { configForEmbedded, configForFound, embeddedBackends, foundBackends } from './made-config.ts';
import { SETUP } from './text.ts';

/** Ready to be served; its end takes away what was made for it. */
export interface Setup extends AsyncDisposable {
  readonly config: Config;
  /** Says what is served and why. */
  readonly intro: string;
  /** Pods may be made on these backends, because they are simulated. */
  readonly playsSession: boolean;
}

const ADMIN_HOST = '127.0.0.1';
const ADMIN_PORT = 9440;

/** The config the user gave, or undefined when it is refused. */
export async function givenSetup(context: CliContext, file: string): Promise<Setup | undefined> {
  const config = await readConfig(context, file);
  if (config === undefined) return undefined;
  return { config, intro: SETUP.given(file), playsSession: false, [Symbol.asyncDispose]: async () => {} };
}

/** The runtimes of this machine; where none answers, simulated ones inside this process. */
export async function arrangeSetup(context: CliContext): Promise<Setup> {
  const findings = await findRuntimes(context.runtimeSockets);
  const silent = findings.filter((finding) => finding.kind === 'silent');
  const sockets = findings.filter((finding) => finding.kind === 'answers').map((finding) => finding.path);
  // Only we and root may enter it: the socket in it is as good as root on this machine.
  const dir = await mkdtemp(path.join(context.temporaryDir, 'switchyard-'));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    await mkdir(path.join(dir, 'state'));
    const surroundings = { dir, adminAddress: `${ADMIN_HOST}:${await choosePort()}` };
    if (sockets.length > 0) {
      const text = configForFound(foundBackends(sockets), surroundings);
      const intro = SETUP.found(sockets, silent, text);
      return { config: parse(text), intro, playsSession: false, [Symbol.asyncDispose]: remove };
    }
    const backends = embeddedBackends(dir);
    const config = parse(configForEmbedded(backends, surroundings));
    const runtimes = await Promise.all(
      backends.map(({ profile, socket }) => startSimulatedRuntime({ profile, socket })),
    );
    return {
      config,
      intro: SETUP.embedded(context.runtimeSockets, silent, backends),
      playsSession: true,
      [Symbol.asyncDispose]: async () => {
        await Promise.all(runtimes.map((runtime) => runtime.close()));
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A config that we wrote ourselves: a problem in it is a bug. */
function parse(text: string): Config {
  const loaded = loadConfig(text, SETUP.madeConfigName);
  if ('config' in loaded) return loaded.config;
  throw new Error(loaded.problems.map(formatProblem).join('\n'));
}

/** The usual port of the admin side, or any free one when it is taken. */
async function choosePort(): Promise<number> {
  return (await freePort(ADMIN_PORT)) ?? (await freePort(0)) ?? ADMIN_PORT;
}

function freePort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, ADMIN_HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
