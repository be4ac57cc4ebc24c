// Every word the command line says while it works; --help is in help-text.ts. Plain, short sentences; a failure says
// what to do next.

const SEE_HELP = '. Add --help to see all flags';

/** How a command is given files. */
const FILES_BY_FLAG: Readonly<Record<string, string>> = {
  serve: '. A config is given with --config',
  explain: '. A config is given with --config, a Pod manifest with --pod',
};

/** Wrong usage: printed on standard error, exit code 2. */
export const USAGE = {
  serveNeedsConfig: [
    'serve needs a config: switchyard serve --config /etc/switchyard/config.yaml',
    'To try it without one: switchyard serve --discover',
  ].join('\n'),
  unknownFlag: (flag: string, corrections: readonly string[]) =>
    `there is no flag --${flag}${didYouMean(corrections.map((name) => `--${name}`)) || SEE_HELP}`,
  unknownAlias: (letter: string) => `there is no flag -${letter}${SEE_HELP}`,
  noValue: (flag: string) => `--${flag} needs a value${SEE_HELP}`,
  twice: (flag: string, first: string, second: string) =>
    `--${flag} is given twice, with ${JSON.stringify(first)} and ${JSON.stringify(second)}. Keep one of the two`,
  badValue: (flag: string, reason: string) => `--${flag}: ${reason}`,
  notOneOf: (flag: string, input: string, values: readonly string[]) =>
    `--${flag} must be one of ${values.join(', ')}, not ${JSON.stringify(input)}`,
  strayArgument: (input: string, command: string | undefined) =>
    command === 'check'
      ? `${JSON.stringify(input)} is one FILE too many: check takes one${SEE_HELP}`
      : `${JSON.stringify(input)} belongs to no flag${FILES_BY_FLAG[command ?? ''] ?? ''}${SEE_HELP}`,
  severalFiles: 'one config at a time: give it as FILE or with --config, not both',
  unknownCommand: (command: string, corrections: readonly string[]) =>
    `there is no command ${command}${didYouMean(corrections) || '.'} See: switchyard help`,
  commandFirst: (argument: string) =>
    `${JSON.stringify(argument)} is no command, and a command comes first, such as: switchyard check FILE. See: switchyard help`,
  notKeyValue: (input: string) => `write it as key=value, not as ${JSON.stringify(input)}`,
  emptyValue: 'must not be empty',
} as const;

/** Output of `serve --config` beside its log. */
export const SERVE = {
  stoppedEarly: (signal: string) => `${signal} came before anything was started.\n`,
} as const;

/** Failures while a command runs: printed on standard error. */
export const FAILURE = {
  cannotRead: (file: string, reason: string) => `cannot read ${file}: ${reason}`,
  cannotLoad: (reason: string) => `this build is broken: ${reason}`,
  bug: (stack: string) => `unexpected error, which is a bug of Switchyard; please report it:\n${stack}`,
  withHint: (message: string, hint: string) => (hint === '' ? message : `${message}. ${hint}`),
} as const;

const FIELD_TYPES: Readonly<Record<string, string>> = {
  string: 'a text. Put it in quotes',
  boolean: 'true or false, without quotes',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** What is wrong with a Pod manifest. */
export const MANIFEST = {
  noPod: (file: string, kinds: readonly string[]) =>
    `${file} holds no Pod${kinds.length === 0 ? '' : `, only ${kinds.join(', ')}`}. Describe the pod with flags, or write it as a Pod`,
  severalPods: (file: string, amount: number) => `${file} holds ${amount} Pods. Keep one`,
  badField: (file: string, path: string, expected: string) =>
    `${file}: ${path} must be ${FIELD_TYPES[expected] ?? 'of another type'}`,
} as const;

/** Output of `check`. */
export const CHECK = {
  good: (file: string) => `${file} is good.`,
  socket: 'CRI socket',
  admin: 'metrics and health',
  streams: 'streams',
  state: 'state',
  default: 'default backend',
  annotation: 'annotation',
  nowhere: 'not served',
  passed: 'clients connect to the runtimes',
  relayed: (address: string) => `relayed on ${address}`,
  noAnnotation: 'pods may not choose their backend',
  annotationIn: (key: string, namespaces: readonly string[]) =>
    `${key} chooses the backend ${namespaces.length === 0 ? 'in no namespace' : `in namespaces ${namespaces.join(', ')}`}`,
  backendHead: ['backend', 'socket', 'isolation', 'handlers'],
  ruleHead: ['rule', 'matches', 'places on'],
  withImages: (socket: string, imageSocket: string) => `${socket}, images: ${imageSocket}`,
  handler: (exposed: string, sent: string) => (exposed === sent ? exposed : `${exposed} (sent as "${sent}")`),
  share: (backend: string, weight: number) => `${backend} (weight ${weight})`,
  fallback: (backend: string) => `, while absent ${backend}`,
  sentAs: (handler: string) => `, sent as "${handler}"`,
  everyPod: 'every pod',
  afterRules:
    'A pod that no rule matches goes to the backend that exposes its handler; without a handler, to the default.',
} as const;

/** Output of `explain`, beside the decision itself. */
export const EXPLAIN = {
  note: (text: string) => `note: ${text}`,
  handlerIsClassName: (name: string) =>
    `runtimeClassName "${name}" is taken as the runtime handler; if that RuntimeClass names another, give it with --handler`,
  noNamespace: (name: string) =>
    `no namespace of Kubernetes can be called ${JSON.stringify(name)}: names are made of a-z, 0-9 and "-"`,
  noPodName: (name: string) =>
    `no pod of Kubernetes can be called ${JSON.stringify(name)}: names are made of a-z, 0-9, "-" and "."`,
  splitWithoutUid:
    'a split goes by the UID of the pod; without --uid this answer is for the name alone, and a real pod may go elsewhere',
} as const;

/** Output of `simulate`. */
export const SIMULATE = {
  serves: (profile: string, socket: string) =>
    `A simulated ${profile} serves CRI on ${socket}\nTry: ${crictl(socket)} version\n`,
} as const;

/** What `serve` with a look says before it serves. */
export const SETUP = {
  madeConfigName: '(made config)',
  given: (file: string) => `Serving on the config ${file}.\n`,
  found: (sockets: readonly string[], silent: readonly Silence[], config: string) =>
    `No --config, so serving the ${count(sockets.length, 'container runtime')} found on this machine: ${sockets.join(', ')}\n${silences(silent)}The config made for that; keep it in a file and give it with --config to change it:\n\n${indent(config)}`,
  embedded: (looked: readonly string[], silent: readonly Silence[], backends: readonly Played[]) =>
    `No --config, and no container runtime answers at ${looked.filter((path) => !path.startsWith('/var/run/')).join(', ')}.\n${silences(silent)}So three SIMULATED runtimes run inside this process; no container is really started:\n\n${backends
      .map(({ name, profile, socket }) => `  ${name} plays ${profile} on ${socket}\n`)
      .join('')}`,
} as const;

/** A socket file that nobody answers on, or that we may not open. */
interface Silence {
  readonly path: string;
  readonly reason: string;
}

interface Played {
  readonly name: string;
  readonly profile: string;
  readonly socket: string;
}

/** The first look of `serve`, and what comes after it. */
export const LOOK = {
  head: ['backend', 'socket', 'handlers', 'pods', 'containers', 'runtime'],
  isDefault: (name: string) => `${name} (default)`,
  good: 'ok  ',
  bad: 'FAIL',
  incomplete: (reason: string) => `Not all backends are there yet: ${reason}`,
  staysUp: (socket: string, adminAddress: string | undefined) =>
    [
      '',
      `Serving CRI:  unix://${socket}`,
      `Metrics:      ${adminAddress === undefined ? 'not served' : metricsAddress(adminAddress)}`,
      `Try:          ${crictl(socket)} ps`,
      'Ctrl-C stops it.',
      '',
    ].join('\n'),
} as const;

/** The session on simulated runtimes. */
export const SESSION = {
  title:
    '\nA short kubelet session through the socket of Switchyard; BACKEND is where the own sockets of the backends show the pod:\n',
  head: ['pod', 'asks for', 'backend', 'rule', 'why'],
  nothing: 'nothing',
  handler: (name: string) => `handler ${name}`,
  annotation: (key: string, value: string) => `${key}=${value}`,
  refused: 'refused',
  matches: (conditions: string) => `it matches: ${conditions}`,
  wrong: (found: string) => `${found} (WRONG)`,
  answers: (name: string, version: string) =>
    `Version and Status are answered: ${name} ${version}, all conditions true`,
  pods: (shown: number, expected: number) =>
    `ListPodSandbox shows ${shown} of ${count(expected, 'pod')}, the same as the backends themselves`,
  containers: (shown: number, expected: number) =>
    `ListContainers shows ${shown} of ${count(expected, 'container')}, the same as the backends themselves`,
  expected: 'All as expected.',
  unexpected: 'NOT all as expected.',
} as const;

function crictl(socket: string): string {
  return `crictl --runtime-endpoint unix://${socket}`;
}

function metricsAddress(address: string): string {
  return address.startsWith('unix://')
    ? `curl --unix-socket ${address.slice('unix://'.length)} http://localhost/metrics`
    : `${address.startsWith('http') ? '' : 'http://'}${address}/metrics`;
}

function silences(silent: readonly Silence[]): string {
  return silent
    .map(({ path, reason }) => `${path} is there but cannot be used: ${silenceReason(reason)}\n`)
    .join('');
}

/** Why nobody is reached on a socket, by the code of the failure. */
export function silenceReason(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'there is no such socket';
    case 'ECONNREFUSED':
      return 'nobody listens on it';
    case 'EACCES':
      return 'permission denied; run this as root to use it';
    case 'ETIMEDOUT':
      return 'no answer';
    default:
      return code;
  }
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** Why a file that the system would not give cannot be read. */
export function readFailure(error: unknown, file: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      if (file.startsWith('file:'))
        return `there is no such file. Give its path: ${file.replace(/^file:(\/\/(?=\/))?/, '')}`;
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied. Run this as a user who may read it';
    case 'ENOTDIR':
      return 'a part of its path is a file, where a directory should be';
    case 'ENXIO':
      return 'it is a socket or a device, not a file';
    case 'ELOOP':
      return 'its symbolic links go round in a circle';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** `, did you mean a or b?`, or nothing. */
function didYouMean(corrections: readonly string[]): string {
  return corrections.length === 0 ? '' : `, did you mean ${corrections.join(' or ')}?`;
}

/** `1 pod`, `2 pods`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
