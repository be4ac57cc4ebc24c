// Makes a fresh clone ready to run: installs the dependencies and builds the program, each only when it has to, and
// says what it does and why. Needs nothing but Node and npm. `npm start`, `npm test` and `npm run check` begin here.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SOURCES } from './sources.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const at = (/** @type {string} */ name) => path.join(root, name);
const say = (/** @type {string} */ text) => process.stderr.write(`prepare: ${text}\n`);

/** Installs and builds what is missing or old. Ends the process with exit code 1 when that fails. */
export async function prepare() {
  checkNode();
  const install = whyInstall();
  if (install !== undefined) {
    say(`installing the dependencies with npm ci, because ${install}`);
    run('npm ci', ...npm('ci', '--no-audit', '--no-fund'));
  }
  const build = whyBuild();
  if (build !== undefined) {
    say(`building dist/main.js, because ${build}`);
    run('the build', process.execPath, [at('scripts/build.mjs')]);
  }
}

function checkNode() {
  const wanted =
    /\d+\.\d+/.exec(JSON.parse(readFileSync(at('package.json'), 'utf8')).engines.node)?.[0] ?? '0.0';
  const [major = 0, minor = 0] = wanted.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return;
  say(`Switchyard needs Node ${wanted} or newer, and this is Node ${process.versions.node}`);
  process.exit(1);
}

/** The reason for npm ci, or undefined when node_modules is as package-lock.json says. */
function whyInstall() {
  const installed = at('node_modules/.package-lock.json');
  if (!existsSync(installed)) return 'node_modules is missing';
  if (statSync(at('package-lock.json')).mtimeMs <= statSync(installed).mtimeMs) return undefined;
  // A checkout or `npm install` writes the lock file anew without changing what it says.
  return isInstalled(readPackages(at('package-lock.json')), readPackages(installed))
    ? undefined
    : 'package-lock.json is newer than node_modules';
}

/** @param {string} file @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>} */
function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}

/** @param {ReturnType<typeof readPackages>} locked @param {ReturnType<typeof readPackages>} installed */
function isInstalled(locked, installed) {
  const isSame = (/** @type {string} */ name) =>
    installed[name]?.version === locked[name]?.version &&
    installed[name]?.integrity === locked[name]?.integrity;
  // Optional packages are those of other platforms: npm leaves them out.
  const isMissing = (/** @type {string} */ name) => !(name in installed) && locked[name]?.optional === true;
  return (
    Object.keys(locked).every((name) => name === '' || isMissing(name) || isSame(name)) &&
    Object.keys(installed).every((name) => name in locked)
  );
}

/** The reason for a build, or undefined when dist/main.js is as new as its sources. */
function whyBuild() {
  const program = at('dist/main.js');
  if (!existsSync(program)) return 'it is missing';
  const newer = findNewer(SOURCES, statSync(program).mtimeMs);
  return newer === undefined ? undefined : `${newer} is newer`;
}

/**
 * The first of `names` that changed after `timeMs`; a folder counts with all that is in it, and by itself, so that a
 * removed file is seen too.
 * @param {readonly string[]} names @param {number} timeMs @returns {string | undefined}
 */
function findNewer(names, timeMs) {
  for (const name of names) {
    const state = statSync(at(name), { throwIfNoEntry: false });
    if (state === undefined) continue;
    const inside = state.isDirectory()
      ? findNewer(
          readdirSync(at(name)).map((entry) => path.posix.join(name, entry)),
          timeMs,
        )
      : undefined;
    if (inside !== undefined) return inside;
    if (state.mtimeMs > timeMs) return name;
  }
  return undefined;
}

/** The way to run npm: the one that runs us, else the one on the path. @param {...string} args @returns {[string, string[]]} */
function npm(...args) {
  const cli = process.env['npm_execpath'];
  return cli?.endsWith('npm-cli.js') ? [process.execPath, [cli, ...args]] : ['npm', args];
}

/** @param {string} what @param {string} program @param {readonly string[]} args */
function run(what, program, args) {
  // Standard output stays with the program that is being started.
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  say(`${what} failed${error === undefined ? '' : `: ${error.message}`}`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await prepare();
