// The last step of a build, run by build.mjs with the folder of the built program as its argument: starts the program
// as a node does, has it answer a call and a scrape with two simulated runtimes behind it, and writes down what V8 has
// compiled by then. So the code is that of a start, and no more than that.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { probe } from '../src/backends/probe.ts';
import { nodeBuild, sealCode } from '../src/code-cache.ts';
import { ClientConnection } from '../src/http2/client.ts';
import { startSimulatedRuntime } from '../src/simulator/runtime.ts';

const TIMEOUT_MS = 30_000;

const programDir = path.resolve(process.argv[2] ?? 'dist');
const codeDir = path.join(programDir, 'code-cache', nodeBuild());
const dir = mkdtempSync(path.join(tmpdir(), 'sy-code-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
setTimeout(() => {
  console.error('the program did not answer, so there is no code to keep');
  process.exit(1);
}, TIMEOUT_MS).unref();

void makeCodeCache().then(() => process.exit(0));

async function makeCodeCache(): Promise<void> {
  const setFlags = v8.setFlagsFromString;
  let flags = '';
  v8.setFlagsFromString = (more) => {
    flags += ` ${more}`;
  };
  const scripts = recordScripts(() => flags);
  mkdirSync(codeDir, { recursive: true }); // from now on boot.ts loads the chunks
  const program = path.join(programDir, 'main.js');
  process.argv = [process.execPath, program, 'serve', '--config', await writeConfig()];
  require(program);
  await answered(askVersion);
  await answered(scrape);
  // V8's flags belong to what code is good for: each is written under those that it is loaded under at a start.
  let flagsSet = '';
  for (const { chunk, script, flags } of scripts) {
    if (flags !== flagsSet) setFlags(flags);
    flagsSet = flags;
    writeCode(chunk, script);
  }
}

/** A script that was compiled, and the flags that the program had asked for by then. */
interface Recorded {
  readonly chunk: string;
  readonly script: vm.Script;
  readonly flags: string;
}

/** All scripts that are compiled from now on, in order. */
function recordScripts(flagsNow: () => string): readonly Recorded[] {
  const recorded: Recorded[] = [];
  vm.Script = class extends vm.Script {
    constructor(code: string, options: vm.ScriptOptions) {
      super(code, options);
      recorded.push({ chunk: options.filename ?? '', script: this, flags: flagsNow() });
    }
  };
  return recorded;
}

/** Written beside and moved, so that a program that starts meanwhile never sees a half. */
function writeCode(chunk: string, script: vm.Script): void {
  const file = path.join(codeDir, `${path.basename(chunk)}.bin`);
  writeFileSync(`${file}.${process.pid}`, sealCode(readFileSync(chunk), script.createCachedData()));
  renameSync(`${file}.${process.pid}`, file);
}

/** A config as nodes have it, with runtimes that answer. */
async function writeConfig(): Promise<string> {
  const profiles = ['containerd-2.1', 'cri-o'] as const;
  for (const profile of profiles) await startSimulatedRuntime({ profile, socket: inDir(`${profile}.sock`) });
  const file = inDir('config.yaml');
  writeFileSync(
    file,
    `apiVersion: switchyard.dev/v1alpha1
kind: SwitchyardConfiguration
listen:
  socket: ${inDir('cri.sock')}
admin:
  address: unix://${inDir('admin.sock')}
stateDir: ${inDir('state')}
backends:
  - name: containerd
    endpoint: unix://${inDir('containerd-2.1.sock')}
    default: true
  - name: cri-o
    endpoint: unix://${inDir('cri-o.sock')}
    handlers: { crio: "" }
rules:
  - name: builds
    match: { namespaces: [build-*] }
    backend: cri-o
`,
  );
  return file;
}

function inDir(name: string): string {
  return path.join(dir, name);
}

/** Whether the program answers a Version call. */
function askVersion(): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = ClientConnection.connect(inDir('cri.sock'), {
      onReady: () =>
        probe(
          { backendName: 'switchyard', socket: inDir('cri.sock'), service: 'RuntimeService' },
          connection,
          ({ kind }) => {
            resolve(kind === 'ready');
            connection.close();
          },
        ),
      onSlot: () => {},
      onGoaway: () => {},
      onClose: () => resolve(false),
    });
  });
}

/** Whether it answers a scrape of its metrics. */
function scrape(): Promise<boolean> {
  return new Promise((resolve) => {
    http
      .get({ socketPath: inDir('admin.sock'), path: '/metrics' }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode === 200));
      })
      .on('error', () => resolve(false));
  });
}

async function answered(ask: () => Promise<boolean>): Promise<void> {
  const ASK_AGAIN_MS = 5;
  while (!(await ask())) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
}
