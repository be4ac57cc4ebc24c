// `npm start`: prepares what is missing, then runs `switchyard serve --discover` with the arguments it was given, in
// this very process, so that signals and the exit code need no passing on.
//   --watch   (npm run dev) builds and starts again whenever a source changes
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prepare } from './prepare.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const self = fileURLToPath(import.meta.url);
const args = process.argv.slice(2);

if (args.includes('--watch')) {
  startAgainOnChange(args.filter((arg) => arg !== '--watch'));
} else {
  await prepare();
  const program = path.join(root, 'dist/main.js');
  process.argv = [process.execPath, program, 'serve', '--discover', ...args];
  await import(pathToFileURL(program).href);
}

/** How long to wait for more changes: an editor or a checkout writes several files. */
function startAgainOnChange(/** @type {string[]} */ rest) {
  const SETTLE_MS = 200;
  // A process group of its own: Ctrl-C reaches only us, and we stop it once.
  const start = () => spawn(process.execPath, [self, ...rest], { stdio: 'inherit', detached: true });
  let child = start();
  let isStopping = false;
  /** @type {NodeJS.Timeout | undefined} */
  let settling;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const startNext = () => {
    if (!isStopping) child = start();
  };
  const restart = () => {
    if (hasEnded()) startNext();
    else if (child.listenerCount('exit') === 0) child.once('exit', startNext).kill('SIGTERM');
  };
  for (const folder of ['src', 'proto']) {
    watch(path.join(root, folder), { recursive: true }, () => {
      clearTimeout(settling);
      settling = setTimeout(restart, SETTLE_MS);
    });
  }
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.on(signal, () => {
      isStopping = true;
      if (hasEnded()) process.exit(0);
      child.once('exit', (code) => process.exit(code ?? 1)).kill('SIGTERM');
    });
  }
}
