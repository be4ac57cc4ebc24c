// The commands a simulated container knows, for ExecSync and for main processes. Nothing of the host is touched.

import type { Outcome } from './process.ts';

/** What commands may ask about the container they run in. */
export interface Surroundings {
  readonly hostname: string;
  readonly uid: bigint;
  readonly envs: ReadonlyMap<string, string>;
}

type Step = { stdout: string | Buffer; stderr: string; exitCode: number; durationMs: number };
const step = (stdout: string | Buffer, exitCode = 0, stderr = '', durationMs = 0): Step => ({
  stdout,
  stderr,
  exitCode,
  durationMs,
});

/** The most that `head -c` writes: more than any message limit needs to be crossed. */
const MOST_BYTES = 128 * 1024 * 1024;

/** What the command will do, or undefined when there is no such program. Understands `sh -c` with `;`, `&&` and `||`. */
export function outcomeOf(words: readonly string[], where: Surroundings): Outcome | undefined {
  const [program, ...args] = words;
  if (isShell(program) && args[0] === '-c') return runScript(args[1] ?? '', where);
  const done = runStep(words, where);
  return done === undefined ? undefined : joinSteps([done]);
}

/** True when the command line keeps SIGTERM from ending the process. */
export function trapsTerm(words: readonly string[]): boolean {
  return words.some((word) => /\btrap\s+(''|"")\s+(SIG)?TERM\b/.test(word));
}

function isShell(program: string | undefined): boolean {
  return program !== undefined && /(^|\/)(sh|bash|ash)$/.test(program);
}

function runScript(script: string, where: Surroundings): Outcome {
  const steps: Step[] = [];
  const parts = script.split(/(;|&&|\|\|)/).map((part) => part.trim());
  let last = 0;
  for (let at = 0; at < parts.length; at += 2) {
    const line = parts[at] ?? '';
    const joint = at === 0 ? ';' : parts[at - 1];
    if (line === '' || (joint === '&&' && last !== 0) || (joint === '||' && last === 0)) continue;
    const toStderr = line.endsWith('>&2');
    const words = splitWords(toStderr ? line.slice(0, -3).replace(/1$/, '') : line);
    const done = runStep(words, where) ?? step('', 127, `sh: ${words[0] ?? ''}: not found\n`);
    steps.push(toStderr ? { ...done, stdout: '', stderr: `${done.stdout}${done.stderr}` } : done);
    last = done.exitCode;
    if (words[0] === 'exit') break;
  }
  return joinSteps(steps);
}

function splitWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}

function runStep(words: readonly string[], where: Surroundings): Step | undefined {
  const [program = '', ...args] = words;
  const first = args[0];
  switch (program.slice(program.lastIndexOf('/') + 1)) {
    case 'echo':
      return first === '-n' ? step(args.slice(1).join(' ')) : step(`${args.join(' ')}\n`);
    case 'true':
    case ':':
    case 'trap':
      return step('');
    case 'false':
      return step('', 1);
    case 'exit':
      return step('', Number(first ?? 0) & 0xff);
    case 'sleep':
      return step('', 0, '', first === 'infinity' ? Number.POSITIVE_INFINITY : Number(first ?? 0) * 1000);
    case 'hostname':
      return step(`${where.hostname}\n`);
    case 'id':
      return first === '-u' ? step(`${where.uid}\n`) : step(`uid=${where.uid} gid=${where.uid}\n`);
    case 'env':
      return step([...where.envs].map(([name, value]) => `${name}=${value}\n`).join(''));
    case 'pwd':
      return step('/\n');
    case 'cat':
      return readFiles(args, where);
    case 'head':
      return first === '-c' ? step(Buffer.alloc(Math.min(Number(args[1] ?? 0), MOST_BYTES), 'x')) : step('');
    default:
      return undefined;
  }
}

function readFiles(files: readonly string[], where: Surroundings): Step {
  // Without a file cat reads stdin, and ExecSync has none.
  let stdout = '';
  let stderr = '';
  for (const file of files) {
    if (file === '/etc/hostname') stdout += `${where.hostname}\n`;
    else stderr += `cat: can't open '${file}': No such file or directory\n`;
  }
  return step(stdout, stderr === '' ? 0 : 1, stderr);
}

function joinSteps(steps: readonly Step[]): Outcome {
  return {
    stdout: Buffer.concat(
      steps.map((done) => (typeof done.stdout === 'string' ? Buffer.from(done.stdout) : done.stdout)),
    ),
    stderr: Buffer.from(steps.map((done) => done.stderr).join('')),
    exitCode: steps.at(-1)?.exitCode ?? 0,
    durationMs: steps.reduce((total, done) => total + done.durationMs, 0),
  };
}
