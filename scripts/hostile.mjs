// `npm run hostile`: the attacks of test/hostile on the built program.
//   --minutes N   all attacks together take about so long (default: 1 s each)
//   --only TEXT   those whose name holds TEXT
//   --peers       instead the attacks on a server, on HAProxy, grpc-go and nghttpd as well, as a table
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { prepare } from './prepare.mjs';

/** About as many attacks as there are. */
const ATTACKS = 80;
const DEFAULT_MS = 1_000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    only: { type: 'string', default: '' },
    peers: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const durationMs = values.minutes === undefined ? DEFAULT_MS : (minutes * 60_000) / ATTACKS;
if (!(durationMs > 0)) {
  console.error('--minutes takes a number above 0');
  process.exit(2);
}
if (values.peers) await compare();
else {
  const tests = [
    path.join(root, 'scripts/run-tests.mjs'),
    '--config',
    'vitest.e2e.config.ts',
    'test/hostile',
  ];
  const env = {
    ...process.env,
    SWITCHYARD_HOSTILE_MS: String(Math.round(durationMs)),
    SWITCHYARD_HOSTILE_ONLY: values.only,
  };
  process.exitCode = spawnSync(process.execPath, tests, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}

async function compare() {
  await prepare();
  const dir = mkdtempSync(path.join(tmpdir(), 'sy-hostile-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  cpSync(path.join(root, 'dist'), path.join(dir, 'dist'), { recursive: true });
  cpSync(path.join(root, 'test/bench/peers/grpc-go'), path.join(dir, 'grpc-go'), { recursive: true });
  buildSync({
    entryPoints: ['peers', 'attacker'].map((name) => path.join(root, `test/hostile/${name}.ts`)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    outdir: dir,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  const { comparePeers } = await import(pathToFileURL(path.join(dir, 'peers.mjs')).href);
  await comparePeers(dir, durationMs, values.only);
  process.exit(0);
}
